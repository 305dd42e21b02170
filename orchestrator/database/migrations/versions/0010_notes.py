"""Notes on subscriptions, and the event of a note on a process."""

from alembic import op

revision = "0010"
down_revision = "0009"
only_adds = True


def upgrade() -> None:
    """Create the table, and allow the event in the trail."""
    op.execute(
        """
        CREATE TABLE subscription_notes (
            subscription_id uuid        NOT NULL
                CONSTRAINT subscription_notes_subscription_known REFERENCES subscriptions,
            number          integer     NOT NULL, -- sequence number among its notes, starting at 1
            by              text, -- null if not given
            note            text, -- null if the note was cleared
            at              timestamptz NOT NULL,
            CONSTRAINT subscription_notes_pkey PRIMARY KEY (subscription_id, number)
        )
        """
    )
    op.execute("COMMENT ON COLUMN subscriptions.note IS 'The newest of subscription_notes'")
    op.execute("ALTER TABLE process_events DROP CONSTRAINT process_events_known")
    op.execute(
        """
        ALTER TABLE process_events ADD CONSTRAINT process_events_known
        CHECK (event IN ('parked', 'retried', 'abort requested', 'given up', 'set in sync', 'noted'))
        """
    )


def downgrade() -> None:
    """Delete these events, and drop the table; each subscription keeps its newest note."""
    op.execute("DELETE FROM process_events WHERE event = 'noted'")
    op.execute("ALTER TABLE process_events DROP CONSTRAINT process_events_known")
    op.execute(
        """
        ALTER TABLE process_events ADD CONSTRAINT process_events_known
        CHECK (event IN ('parked', 'retried', 'abort requested', 'given up', 'set in sync'))
        """
    )
    op.execute("COMMENT ON COLUMN subscriptions.note IS NULL")
    op.execute("DROP TABLE subscription_notes")
