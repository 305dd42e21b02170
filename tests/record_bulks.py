"""Record the runs of bulks: `make record`."""

from collections.abc import AsyncIterator
from functools import partial
from uuid import uuid4

import pytest
from temporalio.client import Client

import worker as program
from orchestrator.database.connection import Pool
from orchestrator.operations.apply_rows import ROUNDS
from orchestrator.operations.bulk_activities import BulkActivities
from orchestrator.operations.bulk_rounds import Limits
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import Endpoints
from tests.bulks import start_bulk, store_bulk
from tests.processes import Processes, eventually
from tests.recorded import save


@pytest.fixture
async def worker(
    client: Client, endpoints: Endpoints, task_queue: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """A worker whose rounds have one row each."""
    monkeypatch.setattr(program, "BulkActivities", partial(BulkActivities, limits=Limits(rows=1, seconds=60)))
    async with program.open_worker(client, endpoints, task_queue=task_queue) as worker, worker:
        yield


async def test_record_bulk(worker: None, processes: Processes, pool: Pool) -> None:
    handle = await start_bulk(processes, await store_bulk(pool, 2))
    await handle.result()
    await save(handle, "apply_rows.done")


async def test_record_bulk_that_continues_as_new(worker: None, processes: Processes, pool: Pool) -> None:
    handle = await start_bulk(processes, await store_bulk(pool, ROUNDS + 1))
    await handle.result()
    first = processes.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
    await save(first, "apply_rows.continued")
    await save(processes.latest(handle), "apply_rows.goes_on")


async def test_record_aborted_bulk(
    worker: None, processes: Processes, pool: Pool, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=2))
    handle = await start_bulk(processes, await store_bulk(pool, 2))
    await eventually(lambda: pool.fetchval("SELECT true FROM bulk_rows WHERE status = 'running'"))
    await handle.cancel(reason="carol: not now")
    await processes.until_closed(handle)
    await save(handle, "apply_rows.aborted")


async def test_record_bulk_that_does_not_exist(worker: None, processes: Processes) -> None:
    handle = await start_bulk(processes, uuid4())
    await processes.until_closed(handle)
    await save(handle, "apply_rows.refused")
