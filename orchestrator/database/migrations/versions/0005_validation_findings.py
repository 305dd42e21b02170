"""The findings of the validation of all subscriptions."""

from alembic import op

revision = "0005"
down_revision = "0004"
only_adds = True


def upgrade() -> None:
    """Create the table of the findings."""
    op.execute(
        """
        CREATE TABLE validation_findings (
            process_id             text        NOT NULL, -- the validation of all subscriptions
            first_execution_run_id text        NOT NULL, -- differs if a second process has the same id
            subscription_id        uuid        NOT NULL
                CONSTRAINT validation_findings_subscription_known REFERENCES subscriptions,
            kind                text        NOT NULL
                CONSTRAINT validation_findings_kind_known
                CHECK (kind IN ('discrepancies', 'refused', 'failed')),
            found_at               timestamptz NOT NULL,
            CONSTRAINT validation_findings_pkey
                PRIMARY KEY (process_id, first_execution_run_id, subscription_id)
        )
        """
    )
    op.execute(
        "COMMENT ON TABLE validation_findings IS 'Subscriptions that a validation of all found not in sync'"
    )


def downgrade() -> None:
    """Drop the table with all its rows."""
    op.execute("DROP TABLE validation_findings")
