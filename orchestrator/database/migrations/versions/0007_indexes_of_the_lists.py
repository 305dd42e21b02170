"""Indexes for the lists: a page takes the same time for every filter and any number of rows."""

from alembic import op

revision = "0007"
down_revision = "0006"
only_adds = True

# A list reads the first rows of each group that its filters leave, and merges them. On purpose no index has
# the order of the whole list: PostgreSQL would choose it for a filter that seems common, and might read most
# of the table before it finds the first row that fits.
NEW = (
    "CREATE INDEX processes_by_status ON processes (status, started_at, process_id)",
    "CREATE INDEX processes_of_subscription ON processes (subscription_id, status, started_at)",
    "CREATE INDEX processes_open_by_start ON processes (started_at, process_id) WHERE ended_at IS NULL",
    """
    CREATE INDEX subscriptions_by_product_and_status
    ON subscriptions (product_id, status, created_at, subscription_id)
    """,
    """
    CREATE INDEX subscriptions_out_of_sync_by_status
    ON subscriptions (product_id, status, created_at, subscription_id) WHERE NOT insync
    """,
)

OLD = (
    "CREATE INDEX processes_by_subscription ON processes (subscription_id, started_at)",
    "CREATE INDEX processes_by_start ON processes (started_at, process_id)",
    "CREATE INDEX processes_open ON processes (status) WHERE ended_at IS NULL",
    "CREATE INDEX subscriptions_by_creation ON subscriptions (created_at, subscription_id)",
    "CREATE INDEX subscriptions_out_of_sync ON subscriptions (subscription_id) WHERE NOT insync",
)


def upgrade() -> None:
    """Create the indexes and drop those that they replace. Writers wait meanwhile."""
    # In the order in which steps lock, so that no step and this wait for each other.
    op.execute("LOCK TABLE processes, subscriptions IN SHARE MODE")
    for new in NEW:
        op.execute(new)
    op.execute("DROP INDEX processes_by_subscription, processes_by_start, processes_open")
    op.execute("DROP INDEX subscriptions_by_creation, subscriptions_out_of_sync")


def downgrade() -> None:
    """Create the former indexes again, and drop the others."""
    for old in OLD:
        op.execute(old)
    op.execute("DROP INDEX processes_by_status, processes_of_subscription, processes_open_by_start")
    op.execute("DROP INDEX subscriptions_by_product_and_status, subscriptions_out_of_sync_by_status")
