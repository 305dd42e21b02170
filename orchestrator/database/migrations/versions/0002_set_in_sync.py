"""The trail records who set a subscription in sync; each execution counts its own events."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Allow the event in the trail, and the same sequence number again after a reset."""
    op.execute("ALTER TABLE process_events ADD COLUMN run_id text NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE process_events DROP CONSTRAINT process_events_pkey")
    op.execute(
        """
        ALTER TABLE process_events ADD CONSTRAINT process_events_pkey
        PRIMARY KEY (process_id, event, run_id, number)
        """
    )
    op.execute("ALTER TABLE process_events DROP CONSTRAINT process_events_known")
    op.execute(
        """
        ALTER TABLE process_events ADD CONSTRAINT process_events_known
        CHECK (event IN ('parked', 'retried', 'abort requested', 'given up', 'set in sync'))
        """
    )


def downgrade() -> None:
    """Delete these events, and those whose sequence number was used again after a reset."""
    op.execute(
        """
        DELETE FROM process_events e USING process_events earlier
        WHERE (e.process_id, e.event, e.number) = (earlier.process_id, earlier.event, earlier.number)
          AND e.run_id > earlier.run_id
        """
    )
    op.execute("ALTER TABLE process_events DROP CONSTRAINT process_events_pkey")
    op.execute("ALTER TABLE process_events DROP COLUMN run_id")
    op.execute(
        """
        ALTER TABLE process_events ADD CONSTRAINT process_events_pkey
        PRIMARY KEY (process_id, event, number)
        """
    )
    op.execute("DELETE FROM process_events WHERE event = 'set in sync'")
    op.execute("ALTER TABLE process_events DROP CONSTRAINT process_events_known")
    op.execute(
        """
        ALTER TABLE process_events ADD CONSTRAINT process_events_known
        CHECK (event IN ('parked', 'retried', 'abort requested', 'given up'))
        """
    )
