"""The validation of every active subscription, on a database where nothing else is."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowHandle

import orchestrator.operations.active_subscriptions
from orchestrator.database.connection import Pool
from orchestrator.operations import validation_schedule
from orchestrator.operations.validate_subscriptions import (
    Totals,
    ValidateSubscriptions,
    ValidateSubscriptionsForm,
)
from orchestrator.operations.validation_schedule import end_schedule, read_schedule, schedule_validation
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import Endpoints
from tests.processes import Processes, eventually
from worker import open_worker

Handle = WorkflowHandle[ValidateSubscriptions, Totals]
DAY = timedelta(days=1)


async def start(processes: Processes, patience: int = 60) -> Handle:
    return await processes.client.start_workflow(
        ValidateSubscriptions.run,
        ValidateSubscriptionsForm(by="alice", reason="audit", patience=patience),
        id=f"validate_subscriptions-{uuid4()}",
        task_queue=processes.task_queue,
    )


async def children(processes: Processes, parent: Handle, *, running: bool = True) -> list[str]:
    query = f"RootWorkflowId = '{parent.id}' AND WorkflowType = 'validate_user_group'"
    query += " AND ExecutionStatus = 'Running'" if running else ""
    return [one.id async for one in processes.client.list_workflows(query)]


async def test_it_says_how_every_active_subscription_stands(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    fine, differs, held, ended = [await processes.active_group(name) for name in "abcd"]
    user = await processes.active_user(fine)
    await (await processes.start("terminate_user_group", ended)).result()
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    await processes.until_parked(await processes.start("modify_user_group", held, group_name="Reserved"))
    await groups.system.tamper(differs, {"group_name": "other"})
    totals = await (await start(processes)).result()
    assert totals == Totals(total=4, in_sync=2, discrepancies=[differs], refused=[held])
    assert [(await processes.read(one)).insync for one in (fine, user, differs)] == [True, True, False]


async def test_its_processes_stand_in_the_trail_in_the_name_of_who_wants_it(
    worker: None, processes: Processes, pool: Pool
) -> None:
    group_id = await processes.active_group()
    await (await start(processes)).result()
    row = await pool.fetchrow("SELECT * FROM processes WHERE target = 'VALIDATE'")
    assert row is not None
    assert (row["subscription_id"], row["created_by"], row["reason"]) == (group_id, "alice", "audit")


async def test_a_long_list_is_read_in_parts_and_counted_as_one(
    worker: None, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orchestrator.operations.active_subscriptions, "PAGE", 2)
    for name in "abcde":
        await processes.active_group(name)
    handle = await start(processes)
    assert await handle.result() == Totals(total=5, in_sync=5)
    assert (await processes.latest(handle).describe()).run_id != handle.first_execution_run_id


async def test_no_more_than_ten_run_at_the_same_time(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    for number in range(14):
        await processes.active_group(str(number))
    await groups.system.order(Fault(kind="slow", seconds=1))
    handle = await start(processes)
    first = await eventually(lambda: at_least(10, processes, handle))
    await groups.system.clear_faults()
    assert (await handle.result()).in_sync == 14
    assert len(first) == 10


async def at_least(number: int, processes: Processes, parent: Handle) -> list[str] | None:
    found = await children(processes, parent)
    return found if len(found) >= number else None


async def test_it_goes_on_where_it_was_when_the_worker_is_another(
    client: Client, endpoints: Endpoints, processes: Processes, groups: FakeGroupManagement
) -> None:
    async with AsyncExitStack() as first:
        await first.enter_async_context(
            await first.enter_async_context(open_worker(client, endpoints, task_queue=processes.task_queue))
        )
        for name in "abc":
            await processes.active_group(name)
        await groups.system.order(Fault(kind="unreachable", times=6))
        handle = await start(processes)
        await eventually(lambda: at_least(3, processes, handle))
    async with open_worker(client, endpoints, task_queue=processes.task_queue) as worker, worker:
        assert await handle.result() == Totals(total=3, in_sync=3)
    assert len(await children(processes, handle, running=False)) == 3


async def test_its_end_leaves_the_validations_that_run_to_themselves(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="slow", seconds=2, times=1))
    handle = await start(processes)
    (child,) = await eventually(lambda: at_least(1, processes, handle))
    await handle.terminate("by mistake")
    await processes.client.get_workflow_handle(child).result()
    assert (await processes.read(group_id)).insync


async def test_a_validation_whose_system_is_out_of_reach_is_counted_as_failed(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="unreachable"))
    handle = await start(processes, patience=1)
    assert await handle.result() == Totals(total=1, failed=[group_id])
    (child,) = await children(processes, handle)
    await groups.system.clear_faults()
    await processes.client.get_workflow_handle(child).result()


@pytest.fixture
async def scheduled(client: Client) -> AsyncIterator[None]:
    """Nothing is scheduled before and after."""
    await end_schedule(client)
    yield
    await end_schedule(client)


async def schedule(processes: Processes, every: timedelta) -> None:
    form = ValidateSubscriptionsForm(reason="scheduled")
    await schedule_validation(processes.client, every, form, task_queue=processes.task_queue)


async def last_process_id(client: Client) -> str | None:
    return (await read_schedule(client)).last_process_id


async def test_a_schedule_starts_it_and_shows_the_last_time_and_the_next(
    worker: None, client: Client, processes: Processes, scheduled: None
) -> None:
    await processes.active_group()
    await schedule(processes, DAY)
    await client.get_schedule_handle(validation_schedule.SCHEDULE_ID).trigger()
    process_id = await eventually(lambda: last_process_id(client))
    totals = await client.get_workflow_handle(process_id, result_type=Totals).result()
    found = await read_schedule(client)
    assert totals == Totals(total=1, in_sync=1)
    assert (found.every, found.last_process_id) == (DAY, process_id)
    assert found.next_at is not None
    assert found.last_at is not None


async def test_a_schedule_is_replaced_by_another_and_ended_once_and_again(
    client: Client, processes: Processes, scheduled: None
) -> None:
    await schedule(processes, DAY)
    await schedule(processes, 7 * DAY)
    assert (await read_schedule(client)).every == 7 * DAY
    await end_schedule(client)
    await end_schedule(client)
    assert (await read_schedule(client)).every is None
