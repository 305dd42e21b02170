"""The two products for users, and the fixed input in which they differ."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add fixed inputs to products; insert both products for users."""
    op.execute("ALTER TABLE products ADD COLUMN fixed_inputs jsonb NOT NULL DEFAULT '{}'")
    op.execute("COMMENT ON COLUMN products.fixed_inputs IS 'Constants: the same in every subscription'")
    op.execute(
        """
        INSERT INTO products (product_id, name, product_type, tag, description, fixed_inputs)
        VALUES (
            '7c0a5f0e-2a39-4d4b-9b52-5d3b7f5f1c02', 'User internal', 'User', 'USER_INT',
            'user administration - internal', '{"affiliation": "internal"}'
        ), (
            'e1f6a6d2-8f0c-4e1e-8a8e-0d0f3b1d7a03', 'User external', 'User', 'USER_EXT',
            'user administration - external', '{"affiliation": "external"}'
        )
        """
    )


def downgrade() -> None:
    """Delete both products and all fixed inputs; the database refuses this while there are users."""
    op.execute("DELETE FROM products WHERE product_type = 'User'")
    op.execute("ALTER TABLE products DROP COLUMN fixed_inputs")
