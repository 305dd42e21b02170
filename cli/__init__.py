"""The command line: commands from the catalogue, live following, output."""
