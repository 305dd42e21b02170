"""The validation of every active subscription, on a database of its own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel
from temporalio.client import Client, WorkflowHandle

import orchestrator.operations.validation_activities
from orchestrator.database.connection import Pool
from orchestrator.database.findings import read_findings
from orchestrator.operations.schedules import VALIDATION, end_schedule, read_schedule, set_schedule
from orchestrator.operations.validate_subscriptions import (
    Part,
    Totals,
    ValidateSubscriptions,
    ValidateSubscriptionsForm,
)
from orchestrator.temporal.priorities import BATCH
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import Endpoints
from tests.processes import Processes, eventually
from worker import open_worker

Handle = WorkflowHandle[ValidateSubscriptions, Totals]
DAY = timedelta(days=1)


async def start(processes: Processes, patience: int = 60, at_once: int | None = None) -> Handle:
    return await processes.client.start_workflow(
        ValidateSubscriptions.run,
        ValidateSubscriptionsForm(by="alice", reason="audit", patience=patience, at_once=at_once),
        id=f"validate_subscriptions-{uuid4()}",
        task_queue=processes.task_queue,
    )


async def children(processes: Processes, parent: Handle, *, running: bool = True) -> list[str]:
    query = f"RootWorkflowId = '{parent.id}' AND WorkflowType = 'validate_user_group'"
    query += " AND ExecutionStatus = 'Running'" if running else ""
    return [one.id async for one in processes.client.list_workflows(query)]


async def test_it_reports_on_every_active_subscription(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    fine, differs, held, ended = [await processes.active_group(name) for name in "abcd"]
    user = await processes.active_user(fine)
    await (await processes.start("terminate_user_group", ended)).result()
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    await processes.until_parked(await processes.start("modify_user_group", held, group_name="Reserved"))
    await groups.system.tamper(differs, {"group_name": "other"})
    handle = await start(processes)
    assert await handle.result() == Totals(total=4, in_sync=2, found={"discrepancies": 1, "refused": 1})
    assert await found_by(processes, handle) == {differs: "discrepancies", held: "refused"}
    assert [(await processes.read(one)).insync for one in (fine, user, differs)] == [True, True, False]


async def test_the_trail_names_who_started_the_validations(
    worker: None, processes: Processes, pool: Pool
) -> None:
    group_id = await processes.active_group()
    await (await start(processes)).result()
    row = await pool.fetchrow("SELECT * FROM processes WHERE target = 'VALIDATE'")
    assert row is not None
    assert (row["subscription_id"], row["created_by"], row["reason"]) == (group_id, "alice", "audit")


async def test_a_long_list_is_validated_page_by_page(
    worker: None, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orchestrator.operations.validation_activities, "PAGE", 2)
    for name in "abcde":
        await processes.active_group(name)
    handle = await start(processes)
    assert await handle.result() == Totals(total=5, in_sync=5)
    assert (await processes.latest(handle).describe()).run_id != handle.first_execution_run_id


async def test_the_memo_carries_counts_and_no_findings(
    worker: None, processes: Processes, groups: FakeGroupManagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An external system that was restored empty makes more findings than a memo may hold."""
    monkeypatch.setattr(orchestrator.operations.validation_activities, "PAGE", 1)
    differing = [await processes.active_group(name) for name in "abc"]
    for one in differing:
        await groups.system.tamper(one, None)
    handle = await start(processes)
    assert await handle.result() == Totals(total=3, found={"discrepancies": 3})
    memo = await (await processes.latest(handle).describe()).memo()
    assert memo["part"]["totals"]["found"] == {"discrepancies": 3}
    assert memo["part"]["findings"] == []
    assert await found_by(processes, handle) == dict.fromkeys(differing, "discrepancies")


async def test_findings_of_an_aborted_validation_are_kept(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    differs, slow = await processes.active_group("a"), await processes.active_group("b")
    await groups.system.tamper(differs, None)
    await groups.system.tamper(slow, None)
    await groups.system.order(Fault(kind="slow", seconds=3, times=1))
    handle = await start(processes)
    await eventually(lambda: counted(handle, 1))
    await handle.cancel()
    await processes.until_closed(handle)
    found = await found_by(processes, handle)
    assert len(found) == 1
    assert found.keys() < {differs, slow}


def test_findings_that_an_older_release_carries_are_taken_over() -> None:
    one, other = uuid4(), uuid4()
    older = {"total": 9, "in_sync": 7, "discrepancies": [str(one)], "refused": [], "failed": [str(other)]}
    part = Part.model_validate({"totals": older, "after": None})
    assert part.totals == Totals(total=9, in_sync=7, found={"discrepancies": 1, "failed": 1})
    assert [(finding.subscription_id, finding.kind) for finding in part.findings] == [
        (one, "discrepancies"),
        (other, "failed"),
    ]
    assert Part.model_validate_json(part.model_dump_json()) == part
    assert [finding.subscription_id for finding in Totals.model_validate(older).older] == [one, other]


class TotalsOfTheFirstRelease(BaseModel):
    """The counts as the first release knows them."""

    total: int = 0
    in_sync: int = 0
    discrepancies: list[UUID] = []
    refused: list[UUID] = []
    failed: list[UUID] = []


def test_an_older_release_can_read_the_totals() -> None:
    """In a rolling upgrade, a worker or a starter of the older release may go on with them."""
    totals = Totals(total=4, in_sync=2, found={"discrepancies": 1, "refused": 1})
    older = TotalsOfTheFirstRelease.model_validate_json(totals.model_dump_json())
    assert older == TotalsOfTheFirstRelease(total=4, in_sync=2)


async def counted(handle: Handle, number: int) -> bool | None:
    return (await handle.query(ValidateSubscriptions.totals)).total >= number or None


async def found_by(processes: Processes, handle: Handle) -> dict[UUID, str]:
    """Read the findings of a validation of all."""
    assert handle.first_execution_run_id is not None
    async with processes.pool.acquire() as connection:
        found = await read_findings(connection, handle.id, handle.first_execution_run_id)
    return {finding.subscription_id: finding.kind for finding in found}


@pytest.mark.parametrize(("at_once", "running"), [(None, 2), (5, 5)])
async def test_no_more_validations_run_at_once_than_asked(
    worker: None, processes: Processes, groups: FakeGroupManagement, at_once: int | None, running: int
) -> None:
    for number in range(7):
        await processes.active_group(str(number))
    await groups.system.order(Fault(kind="slow", seconds=1))
    handle = await start(processes, at_once=at_once)
    first = await eventually(lambda: at_least(running, processes, handle))
    await groups.system.clear_faults()
    assert (await handle.result()).in_sync == 7
    assert len(first) == running


async def test_validations_of_all_are_less_urgent_than_other_work(worker: None, processes: Processes) -> None:
    await processes.active_group()
    handle = await start(processes)
    await handle.result()
    (child,) = await children(processes, handle, running=False)
    history = await processes.client.get_workflow_handle(child).fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    assert started.priority.priority_key == BATCH.priority_key


def test_an_older_release_can_read_the_input() -> None:
    """In a rolling upgrade it may go on with the next page; it does not know `at_once`."""
    assert "at_once" not in ValidateSubscriptionsForm(by="alice").model_dump(mode="json")
    assert ValidateSubscriptionsForm(at_once=7).model_dump(mode="json")["at_once"] == 7


async def at_least(number: int, processes: Processes, parent: Handle) -> list[str] | None:
    found = await children(processes, parent)
    return found if len(found) >= number else None


async def test_it_resumes_on_another_worker(
    client: Client, endpoints: Endpoints, processes: Processes, groups: FakeGroupManagement
) -> None:
    async with AsyncExitStack() as first:
        await first.enter_async_context(
            await first.enter_async_context(open_worker(client, endpoints, task_queue=processes.task_queue))
        )
        for name in "abc":
            await processes.active_group(name)
        await groups.system.order(Fault(kind="unreachable", times=6))
        handle = await start(processes, at_once=3)
        await eventually(lambda: at_least(3, processes, handle))
    async with open_worker(client, endpoints, task_queue=processes.task_queue) as worker, worker:
        assert await handle.result() == Totals(total=3, in_sync=3)
    assert len(await children(processes, handle, running=False)) == 3


async def test_running_validations_continue_after_it_is_terminated(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="slow", seconds=2, times=1))
    handle = await start(processes)
    (child,) = await eventually(lambda: at_least(1, processes, handle))
    await handle.terminate("by mistake")
    await processes.client.get_workflow_handle(child).result()
    assert (await processes.read(group_id)).insync


async def test_a_validation_that_gets_no_answer_counts_as_failed(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="unreachable"))
    handle = await start(processes, patience=1)
    assert await handle.result() == Totals(total=1, found={"failed": 1})
    assert await found_by(processes, handle) == {group_id: "failed"}
    (child,) = await children(processes, handle)
    await groups.system.clear_faults()
    await processes.client.get_workflow_handle(child).result()


@pytest.fixture
async def scheduled(client: Client) -> AsyncIterator[None]:
    """Delete the schedule before and after the test."""
    await end_schedule(client, VALIDATION)
    yield
    await end_schedule(client, VALIDATION)


async def schedule(processes: Processes, every: timedelta) -> None:
    form = ValidateSubscriptionsForm(reason="scheduled")
    await set_schedule(processes.client, VALIDATION, every, form, task_queue=processes.task_queue)


async def last_process_id(client: Client) -> str | None:
    return (await read_schedule(client, VALIDATION)).last_process_id


async def test_a_schedule_shows_its_last_and_next_run(
    worker: None, client: Client, processes: Processes, scheduled: None
) -> None:
    await processes.active_group()
    await schedule(processes, DAY)
    await client.get_schedule_handle(VALIDATION.schedule_id).trigger()
    process_id = await eventually(lambda: last_process_id(client))
    totals = await client.get_workflow_handle(process_id, result_type=Totals).result()
    found = await read_schedule(client, VALIDATION)
    assert totals == Totals(total=1, in_sync=1)
    assert (found.every, found.last_process_id) == (DAY, process_id)
    assert found.last_totals == totals
    assert found.next_at is not None
    assert found.last_at is not None


async def test_a_schedule_can_be_replaced_and_deleted_twice(
    client: Client, processes: Processes, scheduled: None
) -> None:
    await schedule(processes, DAY)
    await schedule(processes, 7 * DAY)
    assert (await read_schedule(client, VALIDATION)).every == 7 * DAY
    await end_schedule(client, VALIDATION)
    await end_schedule(client, VALIDATION)
    assert (await read_schedule(client, VALIDATION)).every is None
