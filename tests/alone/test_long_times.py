"""Long times on a virtual clock: a month of parking, a day without PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from orchestrator.database.connection import Pool
from orchestrator.domain.process import ProcessStatus
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from services.fake_user_management import FakeUserManagement
from settings import Endpoints
from tests.endpoints import with_database
from tests.processes import CreateHandle, Processes, eventually
from trials.arena import connect_to_embedded_postgres
from trials.audit import audit
from trials.journal import Journal
from trials.proxy import Proxy, open_proxy
from trials.records import read_records
from worker import open_worker

T = TypeVar("T")

MONTH, DAY = timedelta(days=30), timedelta(days=1)
ATTEMPTS_OF_A_DAY = 2 + 11 + 143
"""Attempts in a day: two as a local activity, eleven in the first 17 minutes, then one in ten minutes."""


@pytest.mark.parametrize("number", [10, pytest.param(1000, marks=pytest.mark.exhaustive)])
async def test_processes_parked_for_a_month_continue_when_retried(
    number: int,
    worker: None,
    temporal: WorkflowEnvironment,
    processes: Processes,
    groups: FakeGroupManagement,
    users: FakeUserManagement,
    tmp_path: Path,
) -> None:
    await groups.system.order(Fault(kind="reject"))
    with Journal(tmp_path / "journal.jsonl") as journal:
        parked = await start_and_park(processes, journal, number)
        await groups.system.clear_faults()
        await in_turn(parked, lambda handle: retry_after_a_month(temporal, processes, handle))
        systems = [groups.system, users.system]
        query = f"TaskQueue = '{processes.task_queue}'"
        records = await read_records(journal, processes.client, query, processes.pool, systems)
    assert audit(records).findings == []
    assert {row.status for row in records.trail.values()} == {ProcessStatus.COMPLETED}
    assert all(row.ended_at and row.ended_at - row.started_at >= MONTH for row in records.trail.values())
    assert await groups.system.count() == number


@pytest.fixture
async def proxy(endpoints: Endpoints, client: Client, task_queue: str) -> AsyncIterator[Proxy]:
    """The proxy between the worker of this test and PostgreSQL."""
    url = endpoints.database_url.get_secret_value()
    async with open_proxy(lambda: connect_to_embedded_postgres(url)) as (proxy, port):
        database = url.partition("?")[0].rpartition("/")[2]
        through = with_database(endpoints, f"postgresql://postgres@127.0.0.1:{port}/{database}")
        async with open_worker(client, through, task_queue=task_queue) as worker, worker:
            yield proxy
            proxy.refuses = False


async def test_a_process_survives_a_day_without_postgresql(
    proxy: Proxy, processes: Processes, pool: Pool, groups: FakeGroupManagement
) -> None:
    proxy.refuses = True
    proxy.cut()
    handle = await processes.create_user_group()
    await eventually(lambda: attempts(processes, handle), seconds=120)
    proxy.refuses = False
    created = await handle.result()
    row = await processes.row(handle)
    assert created.insync
    assert row is not None
    assert row.ended_at is not None
    assert row.ended_at - row.started_at >= DAY
    assert await groups.system.count() == 1


async def attempts(processes: Processes, handle: CreateHandle) -> bool | None:
    """Return whether the first step has been retried for a day."""
    return any((step.attempts or 0) >= ATTEMPTS_OF_A_DAY for step in await processes.steps(handle)) or None


async def start_and_park(processes: Processes, journal: Journal, number: int) -> list[CreateHandle]:
    config = processes.client.config()
    config["interceptors"] = [*config["interceptors"], journal.interceptor()]
    starting = Processes(Client(**config), processes.task_queue, processes.pool)
    handles: list[CreateHandle] = []

    async def park(one: int) -> None:
        handle = await starting.create_user_group(f"Group {one}")
        await starting.until_parked(handle, seconds=300)
        handles.append(handle)

    await in_turn(range(number), park)
    return handles


async def retry_after_a_month(
    temporal: WorkflowEnvironment, processes: Processes, handle: CreateHandle
) -> None:
    await temporal.fast_forward(handle, MONTH)
    await processes.retry(handle, by="alice", reason="a month later")
    await handle.result()


async def in_turn(things: Iterable[T], act: Callable[[T], Awaitable[object]]) -> None:
    """Run the work for each item, some of them at once."""
    places = asyncio.Semaphore(20)

    async def one(thing: T) -> None:
        async with places:
            await act(thing)

    await asyncio.gather(*(one(thing) for thing in things))
