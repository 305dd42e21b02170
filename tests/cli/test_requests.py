"""What following and listing ask of Temporal and of PostgreSQL."""

import asyncio
from uuid import UUID

import pytest
from temporalio.client import Client

from cli.documents import ProcessDocument, subscription_documents
from cli.following import follow
from cli.process_documents import AT_ONCE, process_documents
from orchestrator.database import processes as trail
from orchestrator.database import subscriptions
from orchestrator.database.connection import Pool
from orchestrator.domain.process import ProcessStatus
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import Endpoints
from tests.processes import Handle, Processes
from tests.requests import DESCRIBE, HISTORY, Counted


@pytest.fixture
def counted(client: Client, pool: Pool, endpoints: Endpoints) -> Counted:
    return Counted.over(client, pool, endpoints)


async def followed(counted: Counted, handle: Handle) -> tuple[ProcessDocument, list[ProcessDocument]]:
    shown: list[ProcessDocument] = []
    return await follow(counted.connections, handle.id, shown.append), shown


async def events_of(handle: Handle) -> int:
    return len((await handle.fetch_history()).events)


async def test_following_reads_each_event_once(
    worker: None, processes: Processes, counted: Counted, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=1, times=1))
    handle = await processes.create_user_group()
    document, shown = await followed(counted, handle)
    assert document.status is ProcessStatus.COMPLETED
    assert [step.status for step in document.steps] == ["completed"] * 6
    assert len(shown) > 1
    assert counted.service.events == await events_of(handle)


async def test_waiting_for_an_activity_reads_only_its_attempts(
    worker: None, processes: Processes, counted: Counted, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=4, times=1))
    handle = await processes.create_user_group()
    following = asyncio.create_task(followed(counted, handle))
    await processes.until_step(handle, "provision_user_group")
    await asyncio.sleep(1)
    before = counted.count(HISTORY), len(counted.pool.statements)
    described = counted.count(DESCRIBE)
    await asyncio.sleep(1.5)
    assert (counted.count(HISTORY), len(counted.pool.statements)) == before
    assert 1 <= counted.count(DESCRIBE) - described <= 6
    await following


async def test_following_waits_for_news_without_asking_again(processes: Processes, counted: Counted) -> None:
    handle = await processes.create_user_group()  # no worker takes it
    following = asyncio.create_task(followed(counted, handle))
    await asyncio.sleep(2)
    asked = sorted(counted.service.calls), len(counted.pool.statements)
    following.cancel()
    await handle.terminate()
    assert asked == ([DESCRIBE, HISTORY, HISTORY], 2)


async def test_following_shows_each_attempt_of_an_activity(
    worker: None, processes: Processes, counted: Counted, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=2, times=1))
    await groups.system.order(Fault(kind="unreachable", times=1))
    handle = await processes.create_user_group()
    _, shown = await followed(counted, handle)
    attempts = {step.attempts for one in shown for step in one.steps if step.name == "provision_user_group"}
    assert {1, 2} <= attempts
    assert counted.count(DESCRIBE) >= 1


async def test_a_process_at_rest_is_shown_without_describing_it(
    worker: None, processes: Processes, counted: Counted, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", times=1))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    document, _ = await followed(counted, handle)
    assert document.parked
    assert document.last_error is not None
    assert (counted.count(DESCRIBE), counted.service.events) == (0, await events_of(handle))


async def test_following_ends_if_temporal_never_closes_the_process(
    processes: Processes, counted: Counted, pool: Pool, worker: None
) -> None:
    done = await processes.create_user_group()
    await done.result()
    waiting = await processes.client.start_workflow(
        "create_user_group", {"group_name": "b"}, id=f"{done.id}-b", task_queue="nobody"
    )
    async with pool.acquire() as connection:
        await connection.execute(
            """
            INSERT INTO processes (
                process_id, first_execution_run_id, workflow, target, status, started_at, ended_at
            )
            SELECT $2, first_execution_run_id, workflow, target, status, started_at, ended_at
            FROM processes
            WHERE process_id = $1
            """,
            done.id,
            waiting.id,
        )
    async with asyncio.timeout(10):
        document, _ = await followed(counted, waiting)
    await waiting.terminate()
    assert document.status is ProcessStatus.COMPLETED


async def test_following_goes_on_after_a_reset(
    worker: None, processes: Processes, counted: Counted, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=3, times=1))
    handle = await processes.create_user_group()
    await processes.until_step(handle, "provision_user_group")
    following = asyncio.create_task(followed(counted, handle))
    await asyncio.sleep(0.3)
    await processes.reset(handle)
    document, _ = await following
    assert document.status is ProcessStatus.COMPLETED
    assert [step.status for step in document.steps] == ["completed"] * 6


async def test_following_goes_on_after_temporal_was_away(
    worker: None, processes: Processes, counted: Counted, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=2, times=1))
    handle = await processes.create_user_group()
    following = asyncio.create_task(followed(counted, handle))
    await processes.until_step(handle, "provision_user_group")
    counted.service.failures = 3
    document, _ = await following
    assert document.status is ProcessStatus.COMPLETED
    assert [step.status for step in document.steps] == ["completed"] * 6


async def test_a_list_of_subscriptions_takes_as_many_queries_as_one(
    worker: None, processes: Processes, counted: Counted, pool: Pool
) -> None:
    group = await processes.active_group()
    user = await processes.active_user(group)
    queries, documents = [], []
    for ids in ([group], [group, user, await processes.active_group("b")]):
        async with pool.acquire() as connection:
            found = await subscriptions.read_subscriptions(connection, ids)
        async with counted.connections.pool.acquire() as connection:
            listed = [stored.subscription for stored in found.values()]
            documents = await subscription_documents(connection, listed)
        queries.append(len(counted.pool.statements))
        counted.pool.statements.clear()
    related = {UUID(one["subscription_id"]): (one["in_use_by"], one["depends_on"]) for one in documents}
    assert queries == [2, 2]
    assert related[group] == ([str(user)], [])
    assert related[user] == ([], [str(group)])


async def test_a_list_of_processes_reads_some_histories_at_a_time(
    worker: None, processes: Processes, counted: Counted, pool: Pool
) -> None:
    handle = await processes.create_user_group()
    await handle.result()
    async with pool.acquire() as connection:
        row = await trail.read_process(connection, handle.id)
    assert row is not None
    documents = await process_documents(counted.connections, [row] * 3 * AT_ONCE)
    assert [len(one.steps) for one in documents] == [6] * 3 * AT_ONCE
    assert counted.service.calls == [HISTORY] * 3 * AT_ONCE
    assert len(counted.pool.statements) == 1  # the events of all
    assert 1 < counted.service.most_open <= AT_ONCE
