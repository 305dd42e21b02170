"""The external systems (OSS and BSS): a protocol for each, and a fake of each."""
