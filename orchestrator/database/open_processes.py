"""Queries on the processes that are open in the trail; some of them are parked, and some may be lost."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.database.connection import Connection


@dataclass(frozen=True)
class Parked:
    """A process that is parked, and why."""

    process_id: str
    failed_reason: str


async def list_parked_processes(
    connection: Connection, *, because: str | None, workflow: str | None
) -> list[Parked]:
    """Return the processes that are parked, oldest first.

    Args:
        because: only those whose reason contains this text; `None` means any.
        workflow: only those of this workflow; `None` means any.
    """
    rows = await connection.fetch(
        """
        SELECT process_id, failed_reason
        FROM processes
        WHERE ended_at IS NULL AND status = 'failed'
          AND ($1::text IS NULL OR position($1 IN failed_reason) > 0)
          AND ($2::text IS NULL OR workflow = $2)
        ORDER BY started_at, process_id
        """,
        because,
        workflow,
    )
    return [Parked(row["process_id"], row["failed_reason"] or "") for row in rows]


async def list_newest_open_processes(connection: Connection, limit: int) -> list[str]:
    """Return the ids of the processes that are open in the trail, newest first.

    Args:
        limit: number of ids at most.
    """
    rows = await connection.fetch(
        "SELECT process_id FROM processes WHERE ended_at IS NULL ORDER BY started_at DESC LIMIT $1", limit
    )
    return [row["process_id"] for row in rows]


async def mark_lost(connection: Connection, process_id: str, reason: str, at: datetime) -> bool:
    """Set the status `lost` if the process is open in the trail; return whether it was."""
    marked = await connection.fetchval(
        """
        UPDATE processes
        SET status = 'lost', failed_reason = $2, ended_at = $3
        WHERE process_id = $1 AND ended_at IS NULL
        RETURNING true
        """,
        process_id,
        reason,
        at,
    )
    return marked is not None


def lost_reason(closed_as: str) -> str:
    """Return why a process counts as lost, given how its execution closed."""
    return f"Its execution in Temporal: {closed_as}"
