"""Queries on the findings of the validation of all subscriptions."""

from collections.abc import Sequence
from datetime import datetime

from orchestrator.database.connection import Connection
from orchestrator.domain.findings import Finding


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
