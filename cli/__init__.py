"""The command line: commands generated from the catalogue, live progress, output."""
