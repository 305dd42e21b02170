"""What clean-up needs: summaries of validations, results that were dropped, and indexes to find both."""

from alembic import op

revision = "0012"
down_revision = "0011"
only_adds = True

TABLES = (
    "ALTER TABLE processes ADD COLUMN cleaned_up_at timestamptz",
    "COMMENT ON COLUMN processes.cleaned_up_at IS 'When its results were dropped: no step of it runs again'",
    "ALTER TABLE process_steps ALTER COLUMN result DROP NOT NULL",
    "COMMENT ON COLUMN process_steps.result IS 'What the step returned; null once it was dropped'",
    """
    CREATE TABLE validation_summaries (
        subscription_id uuid        CONSTRAINT validation_summaries_pkey PRIMARY KEY
            CONSTRAINT validation_summaries_subscription_known REFERENCES subscriptions,
        first_at        timestamptz NOT NULL, -- when the first of them ended
        last_at         timestamptz NOT NULL, -- when the last of them ended
        validations     integer     NOT NULL
            CONSTRAINT validation_summaries_not_empty CHECK (validations >= 1)
    )
    """,
    "COMMENT ON TABLE validation_summaries IS 'Successful validations whose rows in the trail are gone'",
)

INDEXES = (
    # Clean-up takes a process out of it, so it holds no more than the retention.
    """
    CREATE INDEX processes_to_clean_up ON processes (ended_at)
    WHERE ended_at IS NOT NULL AND cleaned_up_at IS NULL AND status <> 'lost'
    """,
    # For each process that is deleted, PostgreSQL looks whether a subscription refers to it.
    "CREATE INDEX subscriptions_held_by ON subscriptions (held_by) WHERE held_by IS NOT NULL",
    """
    CREATE INDEX subscriptions_discrepancy_found_by
    ON subscriptions (discrepancy_found_by) WHERE discrepancy_found_by IS NOT NULL
    """,
    "CREATE INDEX validation_findings_by_time ON validation_findings (found_at)",
)


def upgrade() -> None:
    """Add the column, the table and the indexes. Writers wait meanwhile."""
    # In the order in which steps lock, so that no step and this wait for each other.
    op.execute("LOCK TABLE processes IN ACCESS EXCLUSIVE MODE")
    op.execute("LOCK TABLE subscriptions IN SHARE MODE")
    for added in TABLES:
        op.execute(added)
    for index in INDEXES:
        op.execute(index)


def downgrade() -> None:
    """Drop them. The row of a step stays, with a result that an older release refuses."""
    op.execute("DROP INDEX processes_to_clean_up, subscriptions_held_by, subscriptions_discrepancy_found_by")
    op.execute("DROP INDEX validation_findings_by_time")
    op.execute("DROP TABLE validation_summaries")
    op.execute("UPDATE process_steps SET result = 'null' WHERE result IS NULL")
    op.execute("ALTER TABLE process_steps ALTER COLUMN result SET NOT NULL")
    op.execute("ALTER TABLE processes DROP COLUMN cleaned_up_at")
