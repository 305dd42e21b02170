"""Queries of clean-up: what has ended long ago, and what of it is not kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from orchestrator.database.connection import Connection
from orchestrator.domain.process import Process, Target

COUNTED_WITHIN = 600.0
"""Seconds: unlike other statements, counting reads everything that is due."""

# A validation folds if it changed nothing, nobody acted on it, and no subscription refers to it. One that
# found a discrepancy repaired has changed something.
_JUDGED = """
    WITH judged AS (
        SELECT p.process_id, p.status, p.ended_at, p.cleaned_up_at,
               p.target = 'VALIDATE' AND p.status = 'completed'
               AND p.before_image ->> 'discrepancy_found_by' IS NULL
               AND NOT EXISTS (SELECT FROM process_events e WHERE e.process_id = p.process_id)
               AND NOT EXISTS (SELECT FROM subscriptions s WHERE s.held_by = p.process_id)
               AND NOT EXISTS (SELECT FROM subscriptions s WHERE s.discrepancy_found_by = p.process_id)
                   AS folds
        FROM processes p
    )
"""
_COUNT = """
    SELECT count(*) FILTER (WHERE folds) AS folded, count(*) FILTER (WHERE NOT folds) AS dropped,
           (SELECT count(*) FROM validation_findings WHERE found_at < $1) AS findings
    FROM judged
    WHERE ended_at < $1 AND cleaned_up_at IS NULL AND status <> 'lost'
"""
_FOLDABLE = "SELECT process_id FROM judged WHERE process_id = ANY ($1::text[]) AND folds"


@dataclass(frozen=True)
class Due:
    """How much clean-up would do."""

    folded: int
    """Successful validations that are folded into summaries."""
    dropped: int
    """Other processes whose ledger results are dropped."""
    findings: int
    """Findings of validations of all that are deleted."""


@dataclass(frozen=True)
class ValidationSummary:
    """The successful validations of a subscription whose rows in the trail are gone."""

    first_at: datetime
    """When the first of them ended."""
    last_at: datetime
    """When the last of them ended."""
    validations: int
    """How many there were."""


async def count_due(connection: Connection, before: datetime) -> Due:
    """Count what clean-up would do with what ended before this time; it only reads."""
    row = await connection.fetchrow(_JUDGED + _COUNT, before, timeout=COUNTED_WITHIN)
    assert row is not None
    return Due(**dict(row))


async def lock_due(connection: Connection, before: datetime, limit: int) -> list[str]:
    """Lock the processes that ended first before this time and are not cleaned up yet; return their ids.

    Those that a step has locked are left out: clean-up never waits for a step. A lost process may come back,
    so it keeps its results.

    Args:
        limit: the largest number of processes to lock.
    """
    rows = await connection.fetch(
        """
        SELECT process_id
        FROM processes
        WHERE ended_at < $1 AND cleaned_up_at IS NULL AND status <> 'lost'
        ORDER BY ended_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
        """,
        before,
        limit,
    )
    return [row["process_id"] for row in rows]


async def list_foldable(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Return those of these processes that a summary can replace.

    A separate statement after `lock_due`: it sees what others committed before the rows were locked.
    """
    rows = await connection.fetch(_JUDGED + _FOLDABLE, ids)
    return [row["process_id"] for row in rows]


async def fold(connection: Connection, ids: Sequence[str]) -> None:
    """Add these validations, which the caller has locked, to their summaries; delete their rows."""
    # In order of id, so that no two clean-ups wait for each other.
    await connection.execute(
        """
        INSERT INTO validation_summaries AS v (subscription_id, first_at, last_at, validations)
        SELECT subscription_id, min(ended_at), max(ended_at), count(*)
        FROM processes
        WHERE process_id = ANY ($1::text[])
        GROUP BY subscription_id
        ORDER BY subscription_id
        ON CONFLICT ON CONSTRAINT validation_summaries_pkey DO UPDATE
        SET first_at = least(v.first_at, excluded.first_at), last_at = greatest(v.last_at, excluded.last_at),
            validations = v.validations + excluded.validations
        """,
        ids,
    )
    await connection.execute("DELETE FROM process_steps WHERE process_id = ANY ($1::text[])", ids)
    await connection.execute("DELETE FROM processes WHERE process_id = ANY ($1::text[])", ids)


async def drop_results(connection: Connection, ids: Sequence[str], at: datetime) -> None:
    """Drop the ledger results of these processes, which the caller has locked.

    None of their steps runs again. The rows stay: they say what was done, and when. So do the results that
    say how a process ended.
    """
    await connection.execute(
        """
        UPDATE process_steps
        SET result = NULL
        WHERE process_id = ANY ($1::text[]) AND step NOT IN ('begin_roll_back', 'end_process')
        """,
        ids,
    )
    await connection.execute(
        "UPDATE processes SET cleaned_up_at = $2 WHERE process_id = ANY ($1::text[])", ids, at
    )


async def delete_findings(connection: Connection, before: datetime, limit: int) -> int:
    """Delete the oldest findings of before this time; return how many.

    Args:
        limit: the largest number of findings to delete.
    """
    rows = await connection.fetch(
        """
        DELETE FROM validation_findings
        WHERE ctid = ANY (ARRAY(
            SELECT f.ctid FROM validation_findings f WHERE f.found_at < $1 ORDER BY f.found_at LIMIT $2
        ))
        RETURNING true
        """,
        before,
        limit,
    )
    return len(rows)


async def read_summary(connection: Connection, subscription_id: UUID) -> ValidationSummary | None:
    """Return the summary of the validations of a subscription; `None` if none was folded.

    Validations that are not folded yet have their rows in the trail: neither counts twice.
    """
    row = await connection.fetchrow(
        "SELECT first_at, last_at, validations FROM validation_summaries WHERE subscription_id = $1",
        subscription_id,
    )
    return None if row is None else ValidationSummary(**dict(row))


async def is_folded(connection: Connection, process: Process) -> bool:
    """Return whether a process without a trail row is a validation that a summary has replaced.

    Validations of a subscription run one after the other. So one that began before the last of those that
    were folded had ended, too.
    """
    if process.target is not Target.VALIDATE:
        return False
    summary = await read_summary(connection, process.subscription_id)
    return summary is not None and process.started_at <= summary.last_at
