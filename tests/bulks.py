"""Bulks in the database, as an upload leaves them, and their runs."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from orchestrator.database import bulk_rows, bulks
from orchestrator.database.connection import Pool
from orchestrator.domain.bulk import Bulk, BulkRow
from tests.processes import Handle, Processes


async def store_bulk(pool: Pool, number: int) -> UUID:
    """Store a bulk with so many user groups to create; return its id."""
    bulk = Bulk(
        bulk_id=uuid4(),
        file_name="groups.csv",
        created_by="alice",
        reason=None,
        created_at=datetime.now(UTC),
        rows=number,
        skipped=0,
    )
    rows = [
        BulkRow(
            line=line,
            workflow="create_user_group",
            product="User Group",
            input=f'{{"group_name": "Group {line}"}}',
            process_id=f"create_user_group-{uuid4()}",
        )
        for line in range(1, number + 1)
    ]
    async with pool.acquire() as connection:
        await bulks.insert_bulk(connection, bulk)
        await bulk_rows.copy_rows(connection, bulk.bulk_id, [(row, uuid4()) for row in rows])
    return bulk.bulk_id


async def start_bulk(processes: Processes, bulk_id: UUID) -> Handle:
    return await processes.client.start_workflow(
        "apply_rows",
        {"bulk_id": str(bulk_id), "at_once": 3, "by": "alice"},
        id=f"apply_rows-{bulk_id}",
        task_queue=processes.task_queue,
    )
