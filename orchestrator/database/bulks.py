"""Queries on the bulks: the files of rows that were applied."""

from uuid import UUID

from orchestrator.database.connection import Connection
from orchestrator.domain.bulk import Bulk, BulkNotFound

UPLOAD = 6_201_947_811
"""Key of the advisory lock of an upload: any number, the same everywhere."""


async def lock_uploads(connection: Connection) -> bool:
    """Keep others from uploading rows until the transaction ends; return whether nobody else uploads."""
    free: bool = await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", UPLOAD)
    return free


async def insert_bulk(connection: Connection, bulk: Bulk) -> None:
    """Store a new bulk, without its rows."""
    await connection.execute(
        """
        INSERT INTO bulks (bulk_id, file_name, created_by, reason, created_at, rows, skipped)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        bulk.bulk_id,
        bulk.file_name,
        bulk.created_by,
        bulk.reason,
        bulk.created_at,
        bulk.rows,
        bulk.skipped,
    )


async def set_size(connection: Connection, bulk_id: UUID, *, rows: int, skipped: int) -> None:
    """Store how many rows were uploaded, and how many were skipped."""
    await connection.execute(
        "UPDATE bulks SET rows = $2, skipped = $3 WHERE bulk_id = $1", bulk_id, rows, skipped
    )


async def read_bulk(connection: Connection, bulk_id: UUID) -> Bulk:
    """Return the bulk.

    Raises:
        BulkNotFound: when there is none with this id.
    """
    row = await connection.fetchrow(
        """
        SELECT bulk_id, file_name, created_by, reason, created_at, rows, skipped
        FROM bulks
        WHERE bulk_id = $1
        """,
        bulk_id,
    )
    if row is None:
        raise BulkNotFound(bulk_id)
    return Bulk.model_validate(dict(row))


async def find_bulks(connection: Connection, first: UUID, last: UUID, limit: int) -> list[UUID]:
    """Return the ids of the bulks from this one to that one."""
    rows = await connection.fetch(
        "SELECT bulk_id FROM bulks WHERE bulk_id BETWEEN $1 AND $2 ORDER BY bulk_id LIMIT $3",
        first,
        last,
        limit,
    )
    return [row["bulk_id"] for row in rows]


async def list_bulks(connection: Connection, *, limit: int, after: UUID | None) -> list[Bulk]:
    """Return bulks, newest first.

    Args:
        limit: the largest number of bulks to return.
        after: only those after this bulk in the list, which are older; `None` means from the newest.
    """
    rows = await connection.fetch(
        """
        SELECT bulk_id, file_name, created_by, reason, created_at, rows, skipped
        FROM bulks
        WHERE $2::uuid IS NULL OR (created_at, bulk_id) < (
            SELECT b.created_at, b.bulk_id FROM bulks b WHERE b.bulk_id = $2
        )
        ORDER BY created_at DESC, bulk_id DESC
        LIMIT $1
        """,
        limit,
        after,
    )
    return [Bulk.model_validate(dict(row)) for row in rows]
