"""Writes the files of a new product: `python -m scaffold`."""
