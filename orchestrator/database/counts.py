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


async def count_out_of_sync(connection: Connection) -> dict[str, int]:
    """Count the subscriptions out of sync by reason.

    The reasons are `discrepancy`, or how the process that holds the subscription is: `running`, `parked`,
    `failed` (and ended) or `lost`.
    """
    rows = await connection.fetch(
        """
        SELECT CASE
                   WHEN s.held_by IS NULL THEN 'discrepancy'
                   WHEN p.status = 'failed' AND p.ended_at IS NULL THEN 'parked'
                   ELSE p.status
               END AS held,
               count(*) AS subscriptions
        FROM subscriptions s
        LEFT JOIN processes p ON p.process_id = s.held_by
        WHERE NOT s.insync
        GROUP BY held
        """
    )
    return {row["held"]: row["subscriptions"] for row in rows}


async def count_subscriptions(connection: Connection) -> dict[tuple[str, str, bool], int]:
    """Count the subscriptions by product, status, and whether they are in sync.

    Both counts read only an index: all subscriptions, and those out of sync.
    """
    rows = await connection.fetch(
        """
        SELECT p.name AS product, counted.status, counted.subscriptions, counted.insync
        FROM (
            SELECT product_id, status, count(*) AS subscriptions, NULL::boolean AS insync
            FROM subscriptions
            GROUP BY product_id, status
            UNION ALL
            SELECT product_id, status, count(*) AS subscriptions, false AS insync
            FROM subscriptions
            WHERE NOT insync
            GROUP BY product_id, status
        ) AS counted
        JOIN products p USING (product_id)
        """
    )
    every = {(row["product"], row["status"]): row["subscriptions"] for row in rows if row["insync"] is None}
    out = {(row["product"], row["status"]): row["subscriptions"] for row in rows if row["insync"] is False}
    counts = {(*one, False): number for one, number in out.items()}
    return counts | {(*one, True): number - out.get(one, 0) for one, number in every.items()}


@dataclass(frozen=True)
class Size:
    """The size of a table."""

    bytes: int
    """With its indexes."""
    rows: int
    """As PostgreSQL estimates; 0 if it has not counted yet."""


async def table_sizes(connection: Connection) -> dict[str, Size]:
    """Return the sizes of the tables of the trail and the ledger; reads none of their rows."""
    rows = await connection.fetch(
        """
        SELECT relname::text AS name, pg_total_relation_size(oid) AS bytes, reltuples::bigint AS rows
        FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace
          AND relname IN ('processes', 'process_events', 'process_steps')
        """
    )
    return {row["name"]: Size(bytes=row["bytes"], rows=max(row["rows"], 0)) for row in rows}
