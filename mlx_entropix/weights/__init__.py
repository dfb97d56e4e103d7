"""Which model, where it is, how it is downloaded, and how its files are read."""
