"""The Temporal namespace in which the processes of this database run."""

from alembic import op

revision = "0004"
down_revision = "0003"
only_adds = True


def upgrade() -> None:
    """Create a table for one namespace; the first program that uses the database stores its own."""
    op.execute(
        """
        CREATE TABLE temporal_namespace (
            only_row     boolean NOT NULL DEFAULT true
                CONSTRAINT temporal_namespace_pkey PRIMARY KEY
                CONSTRAINT temporal_namespace_only_row CHECK (only_row),
            namespace_id text    NOT NULL, -- assigned by Temporal when it creates a namespace
            name         text    NOT NULL,
            address      text    NOT NULL -- only for messages: one Temporal may have several addresses
        )
        """
    )
    op.execute("COMMENT ON TABLE temporal_namespace IS 'Where the processes of this database run'")


def downgrade() -> None:
    """Drop the table with its row."""
    op.execute("DROP TABLE temporal_namespace")
