"""Queries that count what a person wants to know first."""

from dataclasses import dataclass

from orchestrator.database.connection import Connection


@dataclass(frozen=True)
class Counts:
    """How many processes are open, and how many subscriptions are out of sync."""

    running: int
    parked: int
    out_of_sync: int
    discrepancies: int
    """Subscriptions that are out of sync because they differ from their external system."""


async def count(connection: Connection) -> Counts:
    """Count the open processes, and the subscriptions that are out of sync."""
    row = await connection.fetchrow(
        """
        SELECT count(*) FILTER (WHERE status = 'running') AS running,
               count(*) FILTER (WHERE status = 'failed') AS parked,
               (SELECT count(*) FROM subscriptions WHERE NOT insync) AS out_of_sync,
               (
                   SELECT count(*) FROM subscriptions
                   WHERE NOT insync AND discrepancy_found_by IS NOT NULL
               ) AS discrepancies
        FROM processes
        WHERE ended_at IS NULL
        """
    )
    assert row is not None
    return Counts(**dict(row))


async def frequent_reasons(connection: Connection, limit: int) -> list[tuple[str, int]]:
    """Return the most frequent reasons for which processes are parked, each with their number."""
    rows = await connection.fetch(
        """
        SELECT failed_reason, count(*) AS processes
        FROM processes
        WHERE ended_at IS NULL AND status = 'failed'
        GROUP BY failed_reason
        ORDER BY processes DESC, failed_reason
        LIMIT $1
        """,
        limit,
    )
    return [(row["failed_reason"], row["processes"]) for row in rows]
