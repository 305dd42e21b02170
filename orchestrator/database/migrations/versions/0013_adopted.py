"""The trail records that a person has taken over what an external system has."""

from alembic import op

revision = "0013"
down_revision = "0012"
only_adds = True


def upgrade() -> None:
    """Allow the event."""
    op.execute("ALTER TABLE process_events DROP CONSTRAINT process_events_known")
    op.execute(
        """
        ALTER TABLE process_events ADD CONSTRAINT process_events_known
        CHECK (event IN (
            'parked', 'retried', 'adopted', 'abort requested', 'given up', 'set in sync', 'noted'
        ))
        """
    )


def downgrade() -> None:
    """Delete these events."""
    op.execute("DELETE FROM process_events WHERE event = 'adopted'")
    op.execute("ALTER TABLE process_events DROP CONSTRAINT process_events_known")
    op.execute(
        """
        ALTER TABLE process_events ADD CONSTRAINT process_events_known
        CHECK (event IN ('parked', 'retried', 'abort requested', 'given up', 'set in sync', 'noted'))
        """
    )
