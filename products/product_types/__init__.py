"""The product types: one file per product, one class per stage of the lifecycle."""
