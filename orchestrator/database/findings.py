"""Queries of the validation of all subscriptions: what there is to validate, and what it has found."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from orchestrator.database.connection import Connection, planned_for_values
from orchestrator.domain.findings import Finding


async def list_active(connection: Connection, *, limit: int, after: UUID | None) -> list[tuple[UUID, str]]:
    """Return the active subscriptions with their product types, oldest first: new ones come last.

    Args:
        limit: the largest number of subscriptions to return.
        after: only those after this subscription in the list; `None` means from the beginning.
    """
    async with planned_for_values(connection):
        rows = await connection.fetch(
            """
            SELECT first.subscription_id, p.product_type
            FROM products p
            CROSS JOIN LATERAL (
                SELECT s.created_at, s.subscription_id
                FROM subscriptions s
                WHERE s.product_id = p.product_id
                  AND s.status = 'active'
                  AND (
                      $2::uuid IS NULL
                      OR (s.created_at, s.subscription_id) > (
                          SELECT a.created_at, a.subscription_id
                          FROM subscriptions a
                          WHERE a.subscription_id = $2
                      )
                  )
                ORDER BY s.created_at, s.subscription_id
                LIMIT $1
            ) AS first
            ORDER BY first.created_at, first.subscription_id
            LIMIT $1
            """,
            limit,
            after,
        )
    return [(row["subscription_id"], row["product_type"]) for row in rows]


async def insert_findings(
    connection: Connection,
    process_id: str,
    first_execution_run_id: str,
    findings: Sequence[Finding],
    at: datetime,
) -> None:
    """Store findings of a validation of all. Idempotent: a stored finding stays."""
    await connection.executemany(
        """
        INSERT INTO validation_findings (process_id, first_execution_run_id, subscription_id, kind, found_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT ON CONSTRAINT validation_findings_pkey DO NOTHING
        """,
        [
            (process_id, first_execution_run_id, finding.subscription_id, finding.kind, at)
            for finding in findings
        ],
    )


async def read_findings(
    connection: Connection, process_id: str, first_execution_run_id: str
) -> list[Finding]:
    """Return the findings of a validation of all, oldest subscription first."""
    rows = await connection.fetch(
        """
        SELECT f.subscription_id, f.kind
        FROM validation_findings f
        JOIN subscriptions s USING (subscription_id)
        WHERE f.process_id = $1 AND f.first_execution_run_id = $2
        ORDER BY s.created_at, s.subscription_id
        """,
        process_id,
        first_execution_run_id,
    )
    return [Finding.model_validate(dict(row)) for row in rows]
