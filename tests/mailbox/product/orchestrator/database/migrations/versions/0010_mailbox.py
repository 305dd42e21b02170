"""The product Mailbox."""

from alembic import op

revision = "0010"
down_revision = "0009"
only_adds = True


def upgrade() -> None:
    """Insert the product."""
    op.execute(
        """
        INSERT INTO products (product_id, name, product_type, tag, description)
        VALUES (
            '3b9d2c64-5f0e-4b57-8a41-c6e0d7a2f104', 'Mailbox', 'Mailbox', 'MAILBOX', 'mailbox administration'
        )
        """
    )


def downgrade() -> None:
    """Delete the product; the database refuses this while there are mailboxes."""
    op.execute("DELETE FROM products WHERE product_type = 'Mailbox'")
