"""The products: product types and product blocks. Pure: no I/O."""
