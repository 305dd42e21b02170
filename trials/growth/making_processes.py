"""Make three processes of each subscription, with their ledger rows and events."""

from collections.abc import Iterator, Sequence

import asyncpg

from catalogue import workflow_type, workflows
from orchestrator.database.processes import END, ROLL_BACK
from orchestrator.process.frame import ProcessFrame

PREPARE = (
    """
    CREATE TEMPORARY TABLE ran (
        process_id      text,
        subscription_id uuid,
        workflow        text,
        target          text,
        status          text,
        steps           integer, -- steps that have committed, forward
        started_at      timestamptz,
        ended_at        timestamptz,
        image           jsonb
    )
    """,
    """
    CREATE TEMPORARY TABLE sequences (
        workflow text,
        course   text, -- forward, back or end
        number   integer,
        step     text,
        is_last  boolean
    )
    """,
)

INSERT = (
    # Three of each subscription: a create, something in between, and what left it as it is.
    """
    INSERT INTO ran
    SELECT format('%s_%s-%s', lower(target), kind, md5(format('process %s %s', number, turn))::uuid),
           subscription_id, format('%s_%s', lower(target), kind), target, status,
           CASE
               WHEN status = 'completed' THEN 9
               WHEN status = 'refused' THEN 1
               WHEN fate = 'different' THEN 9
               WHEN fate = 'parked' THEN 3
               ELSE 2
           END,
           started_at,
           CASE WHEN status <> 'running' AND (fate, turn) <> ('parked', 1)
           THEN started_at + interval '2 seconds' END,
           image
    FROM (
        SELECT m.number, m.kind, m.fate, m.subscription_id, m.image, turn,
               CASE
                   WHEN turn = 1 THEN 'CREATE'
                   WHEN turn = 3 AND fate = 'terminated' THEN 'TERMINATE'
                   WHEN turn = 3 AND fate = 'running' THEN 'MODIFY'
                   WHEN turn = 3 OR number % 2 = 0 AND fate NOT IN ('aborted', 'refused') THEN 'VALIDATE'
                   ELSE 'MODIFY'
               END AS target,
               CASE
                   WHEN fate = 'parked' THEN CASE turn WHEN 1 THEN 'failed' ELSE 'refused' END
                   WHEN fate = 'lost' THEN CASE turn WHEN 1 THEN 'lost' ELSE 'refused' END
                   WHEN fate = 'different' AND turn = 3 THEN 'failed'
                   WHEN fate = 'running' AND turn = 3 THEN 'running'
                   WHEN fate IN ('aborted', 'refused') AND turn = 2 THEN fate
                   ELSE 'completed'
               END AS status,
               m.created_at + interval '15 days' * (turn - 1) AS started_at
        FROM made m
        CROSS JOIN generate_series(1, 3) AS turn
    ) AS p
    """,
    """
    INSERT INTO processes (
        process_id, first_execution_run_id, workflow, target, subscription_id, status, created_by, reason,
        started_at, ended_at, last_step, failed_reason, before_image
    )
    SELECT process_id, md5(process_id)::uuid::text, workflow, target, subscription_id, status,
           -- Half of them by one person, the others by many: as many words as in real life, common and rare.
           CASE WHEN chance % 2 = 0 THEN 'alice' ELSE format('person%s', chance % 500) END,
           format('made by the generator for ticket %s', chance % 1000), started_at, ended_at,
           (SELECT s.step FROM sequences s
            WHERE s.workflow = r.workflow AND s.course = 'forward' AND s.number <= r.steps
            ORDER BY s.number DESC LIMIT 1),
           CASE WHEN status IN ('failed', 'refused', 'lost') THEN 'made by the generator' END,
           CASE WHEN target <> 'CREATE' AND steps > 1 THEN image END
    FROM ran r
    CROSS JOIN LATERAL abs(hashtext(r.process_id)::bigint) AS chance
    """,
    # A step leaves the subscription; the check and the end of a validation also the differences.
    """
    INSERT INTO process_steps (process_id, step, result, committed_at)
    SELECT r.process_id, s.step,
           CASE
               WHEN s.course = 'end' THEN '{"error_type": "SubscriptionOutOfSync", "failed_reason": "held"}'
               WHEN s.course = 'back' AND s.number = 1 THEN '{"completed": null, "held": true}'
               WHEN r.target = 'VALIDATE' AND (s.is_last OR s.step LIKE 'check%') THEN
                   jsonb_build_object('subscription', r.image, 'differences', jsonb_build_array())
               ELSE r.image
           END,
           r.started_at + s.number * interval '0.1 seconds'
    FROM ran r
    JOIN sequences s USING (workflow)
    WHERE CASE s.course
        WHEN 'forward' THEN s.number <= r.steps
        WHEN 'back' THEN r.status = 'aborted'
        ELSE r.status = 'refused'
    END
    """,
    """
    INSERT INTO process_events (process_id, event, number, step, by, reason, at)
    SELECT process_id, CASE status WHEN 'failed' THEN 'parked' ELSE 'abort requested' END, 1, 'made', 'alice',
           'made by the generator', started_at + interval '1 second'
    FROM ran
    WHERE status = 'failed' AND ended_at IS NULL OR status = 'aborted'
    """,
)

Step = tuple[str, str, int, str, bool]
"""Workflow, course, number in its course from 1, key, and whether it is the last."""


async def create_tables(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Create the temporary tables in which processes are made, and store which steps each workflow has."""
    for table in PREPARE:
        await connection.execute(table)
    await connection.executemany(
        "INSERT INTO sequences VALUES ($1, $2, $3, $4, $5)", list(steps(workflows()))
    )


async def insert(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Insert the processes of the subscriptions that were made last."""
    await connection.execute("TRUNCATE ran")
    for statement in INSERT:
        await connection.execute(statement)


def steps(definitions: Sequence[type[ProcessFrame]]) -> Iterator[Step]:
    """Yield the ledger rows that processes leave: forward, of a roll-back, and of an early end."""
    for definition in definitions:
        workflow, sequence = workflow_type(definition), definition.sequence
        for number, step in enumerate(sequence, start=1):
            yield workflow, "forward", number, step.key, step is sequence[-1]
        back = [ROLL_BACK, *(f"roll_back: {step.key}" for step in definition.roll_back)]
        for number, key in enumerate(back, start=1):
            yield workflow, "back", number, key, key == back[-1]
        yield workflow, "end", 1, END, False
