"""The bulks: files of rows that were applied, and their rows."""

from alembic import op

revision = "0011"
down_revision = "0010"
only_adds = True

TABLES = (
    """
    CREATE TABLE bulks (
        bulk_id    uuid        NOT NULL CONSTRAINT bulks_pkey PRIMARY KEY,
        number     bigint      NOT NULL GENERATED ALWAYS AS IDENTITY, -- in the order of the uploads
        file_name  text        NOT NULL,
        created_by text,
        reason     text,
        created_at timestamptz NOT NULL,
        rows       integer     NOT NULL, -- how many were uploaded
        skipped    integer     NOT NULL  -- how many rows of the file an earlier bulk has
    )
    """,
    """
    CREATE TABLE bulk_rows (
        bulk_id    uuid    NOT NULL CONSTRAINT bulk_rows_bulk_known REFERENCES bulks,
        line       integer NOT NULL, -- in the file
        workflow   text    NOT NULL,
        product    text    NOT NULL,
        input      jsonb   NOT NULL, -- as the row says it: the bulk adds who and why
        digest     uuid    NOT NULL, -- of workflow and input: equal rows have equal ones
        process_id text    NOT NULL,
        status     text    NOT NULL
            CONSTRAINT bulk_rows_status_known CHECK (
                status IN (
                    'waiting',   -- not started yet
                    'running',   -- started; the trail may know more
                    'parked',    -- when the bulk last looked; the trail may know more
                    'completed', 'refused', 'failed', 'aborted', 'lost'
                )
            ),
        message    text,             -- why it parked, was refused or has failed
        CONSTRAINT bulk_rows_pkey PRIMARY KEY (bulk_id, line)
    )
    """,
    "COMMENT ON TABLE bulks IS 'Files of rows that were applied'",
    "COMMENT ON TABLE bulk_rows IS 'The rows of the bulks: each is a process'",
)

INDEXES = (
    "CREATE INDEX bulks_by_time ON bulks (created_at, bulk_id)",
    # Nearly all rows are completed in the end: this index stays small, and all others are counted by it.
    "CREATE INDEX bulk_rows_not_completed ON bulk_rows (bulk_id, status, line) WHERE status <> 'completed'",
    "CREATE INDEX bulk_rows_by_digest ON bulk_rows (digest)",
)

VIEW = (
    """
    CREATE VIEW bulk_rows_now AS
    SELECT r.bulk_id, r.line, r.workflow, r.product, r.input, r.digest, r.process_id,
           r.status AS noted_status,
           CASE
               WHEN p.process_id IS NULL THEN r.status
               WHEN p.ended_at IS NOT NULL THEN p.status
               WHEN p.status = 'failed' THEN 'parked'
               WHEN r.status = 'lost' THEN 'lost' -- unless the trail knows more by now
               ELSE 'running'
           END AS status,
           coalesce(p.failed_reason, r.message) AS message
    FROM bulk_rows r
    LEFT JOIN LATERAL (
        SELECT t.process_id, t.status, t.ended_at, t.failed_reason
        FROM processes t
        WHERE t.process_id = r.process_id AND r.status IN ('running', 'parked', 'lost')
        LIMIT 1 -- keeps PostgreSQL from reading the whole trail for a few rows
    ) AS p ON true
    """,
    "COMMENT ON VIEW bulk_rows_now IS 'The rows of the bulks, as the trail has them now'",
)


def upgrade() -> None:
    """Create the tables of the bulks and of their rows, and the view of the rows as they are now."""
    for table in TABLES:
        op.execute(table)
    for index in INDEXES:
        op.execute(index)
    for view in VIEW:
        op.execute(view)


def downgrade() -> None:
    """Drop the tables with all their rows, and the view."""
    op.execute("DROP VIEW bulk_rows_now")
    op.execute("DROP TABLE bulk_rows, bulks")
