"""The documented calls that the package makes: columns in, wire names, columns out."""
