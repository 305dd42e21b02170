"""Record the runs of bulks: `make record`."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client

import worker as program
from orchestrator.database import bulk_rows, bulks
from orchestrator.database.connection import Pool
from orchestrator.domain.bulk import Bulk, BulkRow
from orchestrator.operations.apply_rows import ROUNDS
from orchestrator.operations.bulk_activities import BulkActivities
from orchestrator.operations.bulk_rounds import Limits
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import Endpoints
from tests.processes import Handle, Processes, eventually
from tests.recorded import save


@pytest.fixture
async def worker(
    client: Client, endpoints: Endpoints, task_queue: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """A worker whose rounds have one row each."""
    monkeypatch.setattr(program, "BulkActivities", partial(BulkActivities, limits=Limits(rows=1, seconds=60)))
    async with program.open_worker(client, endpoints, task_queue=task_queue) as worker, worker:
        yield


async def stored(pool: Pool, number: int) -> UUID:
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


async def start(processes: Processes, bulk_id: UUID) -> Handle:
    return await processes.client.start_workflow(
        "apply_rows",
        {"bulk_id": str(bulk_id), "at_once": 3, "by": "alice"},
        id=f"apply_rows-{bulk_id}",
        task_queue=processes.task_queue,
    )


async def test_record_bulk(worker: None, processes: Processes, pool: Pool) -> None:
    handle = await start(processes, await stored(pool, 2))
    await handle.result()
    await save(handle, "apply_rows.done")


async def test_record_bulk_that_continues_as_new(worker: None, processes: Processes, pool: Pool) -> None:
    handle = await start(processes, await stored(pool, ROUNDS + 1))
    await handle.result()
    first = processes.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
    await save(first, "apply_rows.continued")
    await save(processes.latest(handle), "apply_rows.goes_on")


async def test_record_aborted_bulk(
    worker: None, processes: Processes, pool: Pool, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=2))
    handle = await start(processes, await stored(pool, 2))
    await eventually(lambda: pool.fetchval("SELECT true FROM bulk_rows WHERE status = 'running'"))
    await handle.cancel(reason="carol: not now")
    await processes.until_closed(handle)
    await save(handle, "apply_rows.aborted")


async def test_record_bulk_that_does_not_exist(worker: None, processes: Processes) -> None:
    handle = await start(processes, uuid4())
    await processes.until_closed(handle)
    await save(handle, "apply_rows.refused")
