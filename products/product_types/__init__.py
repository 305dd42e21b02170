"""The product types: one file each, one class per lifecycle state."""
