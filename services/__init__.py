"""The external systems: a protocol and a fake for each, and a client of SCIM servers."""
