"""The tests; what they promise is in each one's first sentence."""
