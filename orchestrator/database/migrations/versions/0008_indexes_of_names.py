"""Indexes for what people type and look for: the beginning of an id, a description, what waits for them."""

from alembic import op

revision = "0008"
down_revision = "0007"
only_adds = True

# The primary key of processes has the order of the database's language, in which no range is a prefix.
# Two indexes begin with a column that has one value: otherwise PostgreSQL may take `processes_by_status` for
# cheaper, and might read most of the failed processes before it finds the first that fits.
NEW = (
    'CREATE INDEX processes_by_beginning ON processes (process_id COLLATE "C")',
    'CREATE INDEX processes_by_random_part ON processes ("right"(process_id, 36) COLLATE "C")',
    """
    CREATE INDEX processes_parked
    ON processes (status, started_at, process_id) WHERE status = 'failed' AND ended_at IS NULL
    """,
    """
    CREATE INDEX processes_failed_validations
    ON processes (status, started_at, process_id)
    WHERE status = 'failed' AND ended_at IS NOT NULL AND target = 'VALIDATE'
    """,
    # By hash: a description may be longer than an entry of another index.
    "CREATE INDEX subscriptions_by_description ON subscriptions USING hash (description)",
)


def upgrade() -> None:
    """Create the indexes. Writers wait meanwhile."""
    # In the order in which steps lock, so that no step and this wait for each other.
    op.execute("LOCK TABLE processes, subscriptions IN SHARE MODE")
    for new in NEW:
        op.execute(new)


def downgrade() -> None:
    """Drop the indexes."""
    op.execute("DROP INDEX processes_by_beginning, processes_by_random_part, processes_parked")
    op.execute("DROP INDEX processes_failed_validations, subscriptions_by_description")
