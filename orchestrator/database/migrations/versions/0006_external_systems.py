"""What opens each external system."""

from alembic import op

revision = "0006"
down_revision = "0005"
only_adds = True


def upgrade() -> None:
    """Create the table; each worker that starts stores what it has opened."""
    op.execute(
        """
        CREATE TABLE external_systems (
            name      text NOT NULL CONSTRAINT external_systems_pkey PRIMARY KEY,
            opened_by text NOT NULL -- module:function; no address, which may hold a password
        )
        """
    )
    op.execute("COMMENT ON TABLE external_systems IS 'What the workers open, so that every program agrees'")


def downgrade() -> None:
    """Drop the table with its rows."""
    op.execute("DROP TABLE external_systems")
