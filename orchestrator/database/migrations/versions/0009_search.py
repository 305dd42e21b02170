"""What the lists search: the words of each row, and indexes for each filter."""

from alembic import op

revision = "0009"
down_revision = "0008"
only_adds = True

# PostgreSQL writes the columns itself. A step changes neither, unless it changes the status as well: so the
# updates of the steps still need no new entry in any index.
#
# A word ends at any punctuation: PostgreSQL would take what these characters join for one word.
COLUMNS = (
    """
    ALTER TABLE processes
        ADD COLUMN words tsvector GENERATED ALWAYS AS (
            to_tsvector('simple', translate(
                -- Of a random id only the beginning, which tables show: the rest would fill the index.
                CASE
                    WHEN process_id LIKE '%________-____-____-____-____________' THEN left(process_id, -28)
                    ELSE process_id
                END
                || ' ' || workflow || ' ' || coalesce(created_by, '') || ' ' || coalesce(reason, '')
                || ' ' || coalesce(failed_reason, ''),
                '-+./@<&:~', '         '
            ))
        ) STORED,
        ADD COLUMN stopped_at_step text GENERATED ALWAYS AS (
            CASE WHEN status <> 'running' THEN last_step END
        ) STORED
    """,
    """
    ALTER TABLE process_events
        ADD COLUMN words tsvector GENERATED ALWAYS AS (
            to_tsvector('simple', translate(coalesce(reason, ''), '-+./@<&:~', '         '))
        ) STORED
    """,
    """
    ALTER TABLE subscriptions
        ADD COLUMN words tsvector GENERATED ALWAYS AS (
            to_tsvector('simple', translate(
                description || ' ' || coalesce(note, '') || ' ' || jsonb_path_query_array(block, '$.*')::text,
                '-+./@<&:~', '         '
            ))
        ) STORED
    """,
)

# The order of all rows is that of an expression, which only a search asks for. PostgreSQL would else choose
# these indexes for other lists, and might read most of the table before it finds the first row that fits.
NEW = (
    "CREATE INDEX processes_by_start ON processes ((started_at AT TIME ZONE 'UTC'))",
    "CREATE INDEX processes_by_creator ON processes (created_by, started_at)",
    "CREATE INDEX processes_by_workflow ON processes (workflow, started_at)",
    "CREATE INDEX processes_with_reason ON processes (started_at) WHERE failed_reason IS NOT NULL",
    "CREATE INDEX processes_by_step ON processes (stopped_at_step)",
    "CREATE INDEX processes_with_words ON processes USING gin (words)",
    "CREATE INDEX process_events_with_words ON process_events USING gin (words)",
    "CREATE INDEX subscriptions_by_creation ON subscriptions ((created_at AT TIME ZONE 'UTC'))",
    "CREATE INDEX subscriptions_by_customer ON subscriptions (customer_id, created_at)",
    "CREATE INDEX subscriptions_with_words ON subscriptions USING gin (words)",
)


def upgrade() -> None:
    """Add the columns and the indexes. Readers and writers wait meanwhile."""
    # In the order in which steps lock, so that no step and this wait for each other.
    op.execute("LOCK TABLE processes, subscriptions, process_events IN ACCESS EXCLUSIVE MODE")
    for column in COLUMNS:
        op.execute(column)
    for new in NEW:
        op.execute(new)


def downgrade() -> None:
    """Drop the columns with their indexes, and the other indexes."""
    op.execute("DROP INDEX processes_by_start, processes_by_creator, processes_by_workflow")
    op.execute("DROP INDEX processes_with_reason")
    op.execute("DROP INDEX subscriptions_by_creation, subscriptions_by_customer")
    op.execute("ALTER TABLE processes DROP COLUMN words, DROP COLUMN stopped_at_step")
    op.execute("ALTER TABLE process_events DROP COLUMN words")
    op.execute("ALTER TABLE subscriptions DROP COLUMN words")
