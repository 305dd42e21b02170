"""The product blocks: named groups of resource types, one file per product."""
