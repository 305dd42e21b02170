"""The external systems: a protocol and a fake for each."""
