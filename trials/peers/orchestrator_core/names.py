"""What the database and the client call the product."""

PRODUCT = "User Group"
PRODUCT_ID = "c5a2c1a0-7b3e-4a55-9d54-0d1f6f5f7a01"
