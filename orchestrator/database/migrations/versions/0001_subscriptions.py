"""Products, subscriptions, their relations, the administrative trail and the ledger of steps."""

from alembic import op

revision = "0001"
down_revision = None

SCHEMA = (
    """
    CREATE TABLE products (
        product_id   uuid  CONSTRAINT products_pkey PRIMARY KEY,
        name         text  NOT NULL CONSTRAINT products_name_key UNIQUE,
        product_type text  NOT NULL, -- selects the model classes
        tag          text  NOT NULL,
        description  text  NOT NULL
    )
    """,
    """
    CREATE TABLE processes (
        process_id             text        CONSTRAINT processes_pkey PRIMARY KEY, -- Temporal's workflow id
        first_execution_run_id text        NOT NULL, -- differs if a second process has the same id
        workflow               text        NOT NULL,
        target                 text        NOT NULL
            CONSTRAINT processes_target_known
            CHECK (target IN ('CREATE', 'MODIFY', 'TERMINATE', 'VALIDATE')),
        subscription_id        uuid, -- set by the step store_process_subscription
        status                 text        NOT NULL
            CONSTRAINT processes_status_known
            CHECK (status IN ('running', 'failed', 'completed', 'aborted', 'refused', 'lost')),
        created_by             text, -- null if not given
        reason                 text,
        started_at             timestamptz NOT NULL,
        ended_at               timestamptz, -- null while open
        last_step              text,
        failed_reason          text,
        before_image           jsonb, -- the subscription as it was when this process locked it
        CONSTRAINT processes_ended CHECK (
            CASE status
                WHEN 'running' THEN ended_at IS NULL
                WHEN 'failed' THEN true -- open if parked, else ended by a discrepancy or a give-up
                WHEN 'completed' THEN ended_at IS NOT NULL
                WHEN 'aborted' THEN ended_at IS NOT NULL
                WHEN 'refused' THEN ended_at IS NOT NULL
                WHEN 'lost' THEN ended_at IS NOT NULL
                ELSE true -- processes_status_known refuses an unknown status
            END
        )
    )
    """,
    "COMMENT ON TABLE processes IS 'The administrative trail: who did what to which subscription, for ever'",
    "CREATE INDEX processes_by_subscription ON processes (subscription_id, started_at)",
    "CREATE INDEX processes_by_start ON processes (started_at, process_id)",
    "CREATE INDEX processes_open ON processes (status) WHERE ended_at IS NULL",
    """
    CREATE TABLE subscriptions (
        subscription_id      uuid        CONSTRAINT subscriptions_pkey PRIMARY KEY,
        product_id           uuid        NOT NULL
            CONSTRAINT subscriptions_product_known REFERENCES products,
        customer_id          uuid        NOT NULL,
        description          text        NOT NULL,
        status               text        NOT NULL
            CONSTRAINT subscriptions_status_known
            CHECK (status IN ('initial', 'provisioning', 'active', 'terminated')),
        held_by              text
            CONSTRAINT subscriptions_holder_known REFERENCES processes,
        discrepancy_found_by text
            CONSTRAINT subscriptions_discrepancy_known REFERENCES processes,
        insync               boolean     NOT NULL
            GENERATED ALWAYS AS (held_by IS NULL AND discrepancy_found_by IS NULL) STORED,
        start_date           timestamptz, -- when it first became active
        end_date             timestamptz, -- when it was terminated
        note                 text,
        version              integer     NOT NULL
            CONSTRAINT subscriptions_version_positive CHECK (version >= 1),
        fence                bigint      NOT NULL, -- fencing token; a lock, roll-back, set-in-sync raises it
        block                jsonb       NOT NULL, -- the values of its own product block
        created_at           timestamptz NOT NULL,
        CONSTRAINT subscriptions_started CHECK (status <> 'active' OR start_date IS NOT NULL),
        CONSTRAINT subscriptions_ended CHECK ((status = 'terminated') = (end_date IS NOT NULL))
    )
    """,
    "CREATE INDEX subscriptions_by_creation ON subscriptions (created_at, subscription_id)",
    "CREATE INDEX subscriptions_out_of_sync ON subscriptions (subscription_id) WHERE NOT insync",
    """
    CREATE TABLE subscription_relations (
        subscription_id uuid NOT NULL
            CONSTRAINT subscription_relations_subscription_known REFERENCES subscriptions,
        depends_on      uuid NOT NULL
            CONSTRAINT subscription_relations_dependency_known REFERENCES subscriptions,
        CONSTRAINT subscription_relations_pkey PRIMARY KEY (subscription_id, depends_on),
        CONSTRAINT subscription_relations_not_itself CHECK (subscription_id <> depends_on)
    )
    """,
    "CREATE INDEX subscription_relations_in_use_by ON subscription_relations (depends_on)",
    """
    CREATE TABLE process_steps (
        process_id   text        NOT NULL CONSTRAINT process_steps_process_known REFERENCES processes,
        step         text        NOT NULL,
        result       jsonb       NOT NULL, -- what the step returned; a repeated attempt returns it again
        committed_at timestamptz NOT NULL,
        CONSTRAINT process_steps_pkey PRIMARY KEY (process_id, step)
    )
    """,
    "COMMENT ON TABLE process_steps IS 'The ledger: a step whose row stands here has had its effect'",
    """
    CREATE TABLE process_events (
        process_id text        NOT NULL CONSTRAINT process_events_process_known REFERENCES processes,
        event      text        NOT NULL
            CONSTRAINT process_events_known
            CHECK (event IN ('parked', 'retried', 'abort requested', 'given up')),
        number     integer     NOT NULL, -- sequence number among events of the same kind, starting at 1
        step       text, -- the step that the event concerns
        by         text, -- null if not given, or if no person acted
        reason     text,
        at         timestamptz NOT NULL,
        CONSTRAINT process_events_pkey PRIMARY KEY (process_id, event, number)
    )
    """,
    """
    INSERT INTO products (product_id, name, product_type, tag, description)
    VALUES (
        'a6d4ec1e-6d4e-4c6b-9d0a-3f1f6f0a9b01',
        'User Group', 'UserGroup', 'GROUP', 'user group administration'
    )
    """,
)


def upgrade() -> None:
    """Create the tables of the first release, and its product."""
    for statement in SCHEMA:
        op.execute(statement)


def downgrade() -> None:
    """Drop these tables with all their rows."""
    op.execute(
        "DROP TABLE process_events, process_steps, subscription_relations, subscriptions, processes, products"
    )
