"""The lists of processes, newest first."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel

from orchestrator.database.connection import Connection, planned_for_values
from orchestrator.database.filters import ProcessFilter
from orchestrator.database.process_search import Rows, search_processes
from orchestrator.database.processes import TrailRow, read_processes
from orchestrator.domain.process import ProcessStatus, Target


class FailedKind(StrEnum):
    """Why a process is `failed`."""

    PARKED = "parked"  # it is open, and waits for a person
    DISCREPANCY = "discrepancy"  # a validation that has ended because it found differences


# Selects trail rows; each query adds its condition.
_SELECT = """
    SELECT p.process_id, p.workflow, p.target, p.subscription_id, p.status, p.created_by, p.reason,
           p.started_at, p.ended_at, p.last_step, p.failed_reason, p.imported_at,
           p.first_execution_run_id
    FROM processes p
"""

# The keys of a page: the first of each status, which an index has in the order of the list, merged.
_OF_STATUS = """
    WITH page AS (
        SELECT wanted.status, first.started_at, first.process_id
        FROM unnest($1::text[]) AS wanted (status)
        CROSS JOIN LATERAL (
            SELECT s.started_at, s.process_id
            FROM processes s
            WHERE s.status = wanted.status
              AND ($2::uuid IS NULL OR s.subscription_id = $2)
              AND (
                  $3::text IS NULL
                  OR (s.started_at, s.process_id)
                     < (SELECT a.started_at, a.process_id FROM processes a WHERE a.process_id = $3)
              )
            ORDER BY s.started_at DESC, s.process_id DESC
            LIMIT $4
        ) AS first
        ORDER BY first.started_at DESC, first.process_id DESC
        LIMIT $4
    )
"""
_JOIN = "JOIN page USING (status, started_at, process_id) ORDER BY started_at DESC, process_id DESC"

# Each of these has an index with its condition.
_PARKED = "WHERE p.status = 'failed' AND p.ended_at IS NULL"
# A process that ends before its last step has a row in the ledger for that.
_DISCREPANCY = """
    WHERE p.status = 'failed' AND p.ended_at IS NOT NULL AND p.target = 'VALIDATE'
      AND NOT EXISTS (
          SELECT FROM process_steps e WHERE e.process_id = p.process_id AND e.step = 'end_process'
      )
"""
_PAGE = """
      AND ($1::uuid IS NULL OR p.subscription_id = $1)
      AND (
          $2::text IS NULL
          OR (p.started_at, p.process_id)
             < (SELECT a.started_at, a.process_id FROM processes a WHERE a.process_id = $2)
      )
    ORDER BY p.started_at DESC, p.process_id DESC
    LIMIT $3
"""


async def list_processes(
    connection: Connection,
    *,
    status: ProcessStatus | FailedKind | None = None,
    subscription_id: UUID | None = None,
    fitting: ProcessFilter | None = None,
    limit: int = 50,
    after: str | None = None,
) -> list[TrailRow]:
    """Return processes, newest first.

    Args:
        status: only those with this status, or that failed in this way; `None` means any.
        subscription_id: only those on this subscription; `None` means any.
        fitting: only those that this filter leaves; `None` means any.
        limit: the largest number of processes to return.
        after: only those after this process in the list, which are older; an unknown id returns none.

    Raises:
        InvalidInput: if the filter has a text to search for without words.
    """
    page = subscription_id, after, limit
    async with planned_for_values(connection):
        if fitting:
            which = _rows(status, subscription_id)
            ids = await search_processes(connection, which, fitting, limit=limit, after=after)
            found = await read_processes(connection, ids)
            return [found[one] for one in ids]
        match status:
            case FailedKind.PARKED:
                rows = await connection.fetch(_SELECT + _PARKED + _PAGE, *page)
            case FailedKind.DISCREPANCY:
                rows = await connection.fetch(_SELECT + _DISCREPANCY + _PAGE, *page)
            case _:
                statuses = list(ProcessStatus) if status is None else [status]
                rows = await connection.fetch(_OF_STATUS + _SELECT + _JOIN, statuses, *page)
    return [TrailRow.model_validate(dict(row)) for row in rows]


class Validations(BaseModel):
    """The validations of a subscription, folded into one line."""

    number: int
    first_at: datetime | None
    last_at: datetime | None
    last_status: ProcessStatus | None
    """How the last one ended; `failed` if it found differences."""


async def list_changes(connection: Connection, subscription_id: UUID, *, limit: int = 1000) -> list[TrailRow]:
    """Return the processes on a subscription other than validations, newest first.

    Args:
        limit: the largest number of processes to return.
    """
    rows = await connection.fetch(
        _SELECT
        + """
        WHERE p.subscription_id = $1 AND p.target <> 'VALIDATE'
        ORDER BY p.started_at DESC, p.process_id DESC
        LIMIT $2
        """,
        subscription_id,
        limit,
    )
    return [TrailRow.model_validate(dict(row)) for row in rows]


async def fold_validations(connection: Connection, subscription_id: UUID) -> Validations:
    """Return how many validations a subscription has had, the first and the last.

    Those that clean-up has folded count; their moments are those at which they ended.
    """
    row = await connection.fetchrow(
        """
        SELECT number + coalesce(s.validations, 0) AS number, least(began, s.first_at) AS first_at,
               greatest(newest, s.last_at) AS last_at,
               CASE WHEN s.last_at > coalesce(newest, '-infinity') THEN 'completed' ELSE newest_status END
                   AS last_status
        FROM (
            SELECT count(*) AS number, min(started_at) AS began, max(started_at) AS newest,
                   (array_agg(status ORDER BY started_at DESC, process_id DESC))[1] AS newest_status
            FROM processes
            WHERE subscription_id = $1 AND target = 'VALIDATE'
        ) AS kept
        LEFT JOIN validation_summaries s ON s.subscription_id = $1
        """,
        subscription_id,
    )
    assert row is not None
    return Validations.model_validate(dict(row))


async def has_processes(connection: Connection, workflow: str) -> bool:
    """Return whether the trail has a process of this workflow."""
    newest = await connection.fetchval("SELECT max(started_at) FROM processes WHERE workflow = $1", workflow)
    return newest is not None


async def has_step(connection: Connection, step: str) -> bool:
    """Return whether a process in the trail has stopped at this step."""
    # By the order of the index: for an equal one PostgreSQL may read the table, which has many of each.
    found = await connection.fetchval(
        """
        SELECT stopped_at_step FROM processes
        WHERE stopped_at_step >= $1
        ORDER BY stopped_at_step
        LIMIT 1
        """,
        step,
    )
    return bool(found == step)


def _rows(status: ProcessStatus | FailedKind | None, subscription_id: UUID | None) -> Rows:
    match status:
        case FailedKind.PARKED:
            return Rows(ProcessStatus.FAILED, is_open=True, subscription_id=subscription_id)
        case FailedKind.DISCREPANCY:
            return Rows(
                ProcessStatus.FAILED,
                is_open=False,
                target=Target.VALIDATE,
                subscription_id=subscription_id,
            )
        case _:
            return Rows(status, subscription_id=subscription_id)
