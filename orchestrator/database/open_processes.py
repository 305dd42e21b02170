"""Queries on the processes that are open in the trail; some of them may be lost."""

from datetime import datetime

from orchestrator.database.connection import Connection


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
