"""The trail holds processes that ran in another system before their subscription was imported."""

from alembic import op

revision = "0014"
down_revision = "0013"
only_adds = True


# What the migrations before this one say of these columns beside their SQL.
MEANINGS = (
    "COMMENT ON TABLE products IS 'What can be subscribed to'",
    "COMMENT ON COLUMN products.product_type IS 'Selects the model classes'",
    "COMMENT ON TABLE subscriptions IS 'The customers'' instances of the products, as they are now'",
    "COMMENT ON COLUMN subscriptions.held_by IS 'The process that has locked it; null if it is unlocked'",
    "COMMENT ON COLUMN subscriptions.discrepancy_found_by IS 'The validation that found it to differ'",
    "COMMENT ON COLUMN subscriptions.insync IS 'Nothing holds it, and no discrepancy is known'",
    "COMMENT ON COLUMN subscriptions.start_date IS 'When it first became active'",
    "COMMENT ON COLUMN subscriptions.end_date IS 'When it was terminated'",
    "COMMENT ON COLUMN subscriptions.fence IS 'Fencing token; a lock, roll-back or set-in-sync raises it'",
    "COMMENT ON COLUMN subscriptions.block IS 'The values of its own product block'",
    "COMMENT ON COLUMN subscriptions.words IS 'What a search finds it by'",
    "COMMENT ON TABLE subscription_relations IS 'Which subscription depends on which'",
    "COMMENT ON TABLE subscription_notes IS 'Notes that people have left on subscriptions'",
    "COMMENT ON COLUMN subscription_notes.number IS 'Sequence number among its notes, starting at 1'",
    "COMMENT ON COLUMN subscription_notes.by IS 'Null if not given'",
    "COMMENT ON COLUMN subscription_notes.note IS 'Null if the note was cleared'",
    "COMMENT ON COLUMN processes.process_id IS 'Temporal''s workflow id'",
    "COMMENT ON COLUMN processes.first_execution_run_id IS 'Differs if a second process has the same id'",
    "COMMENT ON COLUMN processes.subscription_id IS 'Set by the step store_process_subscription'",
    "COMMENT ON COLUMN processes.created_by IS 'Null if not given'",
    "COMMENT ON COLUMN processes.ended_at IS 'Null while it is open'",
    "COMMENT ON COLUMN processes.before_image IS 'The subscription as it was when this process locked it'",
    "COMMENT ON COLUMN processes.words IS 'What a search finds it by'",
    "COMMENT ON COLUMN processes.stopped_at_step IS 'The last step, unless it is running'",
    "COMMENT ON TABLE process_events IS 'What happened to the processes, and who acted on them'",
    "COMMENT ON COLUMN process_events.number IS 'Sequence number among events of its kind, starting at 1'",
    "COMMENT ON COLUMN process_events.run_id IS 'The execution that numbers the event; each starts at 1'",
    "COMMENT ON COLUMN process_events.step IS 'The step that the event concerns'",
    "COMMENT ON COLUMN process_events.by IS 'Null if not given, or if no person acted'",
    "COMMENT ON COLUMN process_events.words IS 'What a search finds it by'",
    "COMMENT ON COLUMN bulks.number IS 'In the order of the uploads'",
    "COMMENT ON COLUMN bulks.rows IS 'How many were uploaded'",
    "COMMENT ON COLUMN bulks.skipped IS 'How many rows of the file an earlier bulk has'",
    "COMMENT ON COLUMN bulk_rows.line IS 'Line in the file'",
    "COMMENT ON COLUMN bulk_rows.input IS 'As the row says it: the bulk adds who and why'",
    "COMMENT ON COLUMN bulk_rows.digest IS 'Of workflow and input: equal rows have equal ones'",
    "COMMENT ON COLUMN bulk_rows.message IS 'Why it parked, was refused or has failed'",
    "COMMENT ON COLUMN validation_findings.process_id IS 'The validation of all subscriptions'",
    "COMMENT ON COLUMN validation_summaries.first_at IS 'When the first of them ended'",
    "COMMENT ON COLUMN validation_summaries.last_at IS 'When the last of them ended'",
    "COMMENT ON COLUMN temporal_namespace.namespace_id IS 'Assigned by Temporal when it creates a namespace'",
    "COMMENT ON COLUMN temporal_namespace.address IS 'Only for messages: a Temporal may have several'",
    "COMMENT ON COLUMN external_systems.opened_by IS 'module:function; no address: it may hold a password'",
)


def upgrade() -> None:
    """Add the column, and say what columns mean. An imported process has ended: nobody looks for it."""
    op.execute(
        """
        ALTER TABLE processes
            ADD COLUMN imported_at timestamptz,
            ADD CONSTRAINT processes_imported_ended CHECK (imported_at IS NULL OR ended_at IS NOT NULL)
        """
    )
    op.execute("COMMENT ON COLUMN processes.imported_at IS 'When it was imported; null if it ran here'")
    for meaning in MEANINGS:
        op.execute(meaning)


def downgrade() -> None:
    """Drop the column; imported processes stay in the trail as any other, and the comments stay."""
    op.execute("ALTER TABLE processes DROP COLUMN imported_at")
