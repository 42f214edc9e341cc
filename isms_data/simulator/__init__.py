"""A local stand-in for the gateway, written from docs/protocol.md and sharing only the vocabulary with the client."""
