"""Which Temporal the processes of this database run in."""

from alembic import op

revision = "0004"
down_revision = "0003"
only_adds = True


def upgrade() -> None:
    """Make room for one namespace; the first program that uses the database enters its own."""
    op.execute(
        """
        CREATE TABLE temporal_namespace (
            only_row     boolean NOT NULL DEFAULT true
                CONSTRAINT temporal_namespace_pkey PRIMARY KEY
                CONSTRAINT temporal_namespace_only_row CHECK (only_row),
            namespace_id text    NOT NULL, -- given by Temporal when it makes a namespace
            name         text    NOT NULL,
            address      text    NOT NULL -- where it was found: to name it, not to tell it apart
        )
        """
    )
    op.execute("COMMENT ON TABLE temporal_namespace IS 'Where the processes of this database run'")


def downgrade() -> None:
    """Forget it."""
    op.execute("DROP TABLE temporal_namespace")
