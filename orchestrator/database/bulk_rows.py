"""Queries on the rows of the bulks: upload them, take the next ones, store what has become of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from orchestrator.database.connection import Connection
from orchestrator.domain.bulk import Bulk, BulkRow, RowCounts, RowFailure, RowResult, RowStatus

MANY_ROWS = timedelta(minutes=5)
"""Time for a statement on all rows of a bulk, which may be a million."""


@dataclass(frozen=True)
class Earlier:
    """A row that a bulk has already."""

    bulk_id: UUID
    line: int
    status: RowStatus
    process_id: str


async def copy_rows(connection: Connection, bulk_id: UUID, rows: Iterable[tuple[BulkRow, UUID]]) -> None:
    """Store rows that wait to be started, each with its digest."""
    await connection.copy_records_to_table(
        "bulk_rows",
        columns=("bulk_id", "line", "workflow", "product", "input", "digest", "process_id", "status"),
        records=[
            (bulk_id, row.line, row.workflow, row.product, row.input, digest, row.process_id, "waiting")
            for row, digest in rows
        ],
    )


async def find_earlier(connection: Connection, digests: Sequence[UUID]) -> dict[UUID, Earlier]:
    """Return the newest rows with these digests, by digest, with their statuses as the trail has them now."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (r.digest) r.digest, r.bulk_id, r.line, r.status, r.process_id
        FROM bulk_rows_now r
        JOIN bulks b USING (bulk_id)
        WHERE r.digest = ANY ($1::uuid[])
        ORDER BY r.digest, b.number DESC, r.line
        """,
        digests,
    )
    return {
        row["digest"]: Earlier(row["bulk_id"], row["line"], RowStatus(row["status"]), row["process_id"])
        for row in rows
    }


async def list_noted(
    connection: Connection, bulk_id: UUID, status: RowStatus, *, limit: int
) -> list[BulkRow]:
    """Return rows for which the bulk has noted this status, first lines first.

    Args:
        status: not `completed`: these can be very many.
        limit: the largest number of rows to return.
    """
    rows = await connection.fetch(
        """
        SELECT line, workflow, product, input, process_id
        FROM bulk_rows
        WHERE bulk_id = $1 AND status = $2 AND status <> 'completed'
        ORDER BY line
        LIMIT $3
        """,
        bulk_id,
        status,
        limit,
    )
    return [BulkRow.model_validate(dict(row)) for row in rows]


async def has_more(connection: Connection, bulk_id: UUID) -> bool:
    """Return whether the bulk has rows that wait, or whose ends it has not noted yet."""
    more: bool = await connection.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM bulk_rows
            WHERE bulk_id = $1 AND status IN ('waiting', 'running') AND status <> 'completed'
        )
        """,
        bulk_id,
    )
    return more


async def note_results(connection: Connection, bulk_id: UUID, results: Sequence[RowResult]) -> None:
    """Store what has become of these rows, unless somebody runs them again by now. Idempotent."""
    await connection.execute(
        """
        UPDATE bulk_rows r
        SET status = n.status, message = n.message
        FROM unnest($2::int[], $3::text[], $4::text[], $5::text[]) AS n (line, process_id, status, message)
        WHERE r.bulk_id = $1 AND r.line = n.line
          AND r.process_id = n.process_id AND r.status IN ('waiting', 'running')
        """,
        bulk_id,
        [one.line for one in results],
        [one.process_id for one in results],
        [one.status for one in results],
        [one.message for one in results],
    )


async def list_failures(
    connection: Connection, bulk_id: UUID, *, after: int = 0, limit: int
) -> list[RowFailure]:
    """Return rows that have parked or ended badly, as the trail has them now, first lines first.

    Args:
        after: only those after this line.
        limit: the largest number of rows to return.
    """
    rows = await connection.fetch(
        """
        SELECT line, workflow, product, input, process_id, status, message
        FROM bulk_rows_now
        WHERE bulk_id = $1 AND line > $2
          AND noted_status IN ('running', 'parked', 'refused', 'failed', 'aborted', 'lost')
          AND noted_status <> 'completed' AND status NOT IN ('running', 'completed')
        ORDER BY line
        LIMIT $3
        """,
        bulk_id,
        after,
        limit,
    )
    return [RowFailure.model_validate(dict(row)) for row in rows]


async def run_again(connection: Connection, bulk_id: UUID) -> int:
    """Have the bulk run those rows again that have parked or ended badly; return how many these are.

    A row that has ended gets a new process. A parked one keeps its process, which the bulk retries. A lost
    one stays: nobody knows what it has done. So does one that a newer bulk has and that has not ended badly
    there. The caller holds the lock of uploads.
    """
    changed: str = await connection.execute(
        """
        UPDATE bulk_rows r
        SET status = 'waiting',
            message = NULL,
            process_id = CASE
                WHEN n.status = 'parked' THEN r.process_id
                ELSE r.workflow || '-' || gen_random_uuid()
            END
        FROM bulk_rows_now n
        WHERE r.bulk_id = $1 AND n.bulk_id = $1 AND n.line = r.line
          AND n.noted_status IN ('running', 'parked', 'refused', 'failed', 'aborted')
          AND n.noted_status <> 'completed' AND n.status IN ('parked', 'refused', 'failed', 'aborted')
          AND NOT EXISTS (
              SELECT
              FROM bulk_rows_now o
              JOIN bulks b USING (bulk_id)
              WHERE o.digest = r.digest AND o.status IN ('waiting', 'running', 'parked', 'completed')
                AND b.number > (SELECT own.number FROM bulks own WHERE own.bulk_id = $1)
          )
        """,
        bulk_id,
        timeout=MANY_ROWS.total_seconds(),
    )
    return int(changed.rpartition(" ")[2])


async def count_rows(connection: Connection, bulks: Sequence[Bulk]) -> dict[UUID, RowCounts]:
    """Return the number of rows by status, as the trail has it now, of each of these bulks.

    Completed rows are not read: they are those that are left.
    """
    rows = await connection.fetch(
        """
        SELECT bulk_id, status, count(*) AS number
        FROM bulk_rows
        WHERE bulk_id = ANY ($1::uuid[])
          AND status <> 'completed' AND status NOT IN ('running', 'parked', 'lost')
        GROUP BY bulk_id, status
        UNION ALL
        SELECT bulk_id, status, count(*) AS number
        FROM bulk_rows_now
        WHERE bulk_id = ANY ($1::uuid[])
          AND noted_status <> 'completed' AND noted_status IN ('running', 'parked', 'lost')
        GROUP BY bulk_id, status
        """,
        [bulk.bulk_id for bulk in bulks],
    )
    counted: dict[UUID, dict[str, int]] = {bulk.bulk_id: {} for bulk in bulks}
    for bulk_id, status, number in rows:
        counted[bulk_id][status] = counted[bulk_id].get(status, 0) + number
    return {bulk.bulk_id: _counts(bulk.rows, counted[bulk.bulk_id]) for bulk in bulks}


def _counts(total: int, found: dict[str, int]) -> RowCounts:
    completed = total - sum(found.values()) + found.get("completed", 0)
    return RowCounts.model_validate(found | {"completed": completed})
