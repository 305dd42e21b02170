"""The trail holds processes that ran in another system before their subscription was imported."""

from alembic import op

revision = "0014"
down_revision = "0013"
only_adds = True


def upgrade() -> None:
    """Add the column, and a constraint: an imported process has ended, so nobody looks for it in Temporal."""
    op.execute(
        """
        ALTER TABLE processes
            ADD COLUMN imported_at timestamptz,
            ADD CONSTRAINT processes_imported_ended CHECK (imported_at IS NULL OR ended_at IS NOT NULL)
        """
    )
    op.execute("COMMENT ON COLUMN processes.imported_at IS 'When it was imported; null if it ran here'")


def downgrade() -> None:
    """Drop the column; imported processes stay in the trail as any other."""
    op.execute("ALTER TABLE processes DROP COLUMN imported_at")
