"""An aborted process that parks again and again continues as new, like any other."""

import asyncio
import re
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.domain.process import Course, ProcessStatus
from orchestrator.domain.subscription import Status
from orchestrator.process.ledger import Moment
from orchestrator.process.messages import StepRun
from orchestrator.temporal.executions import request_cancellation
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import Endpoints
from tests.moments import Moments
from tests.processes import Handle, Processes, eventually
from worker import open_worker


@pytest.fixture(autouse=True)
def short_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process that parks continues as new."""
    monkeypatch.setattr("orchestrator.process.frame.LONGEST_HISTORY", 10)


async def aborted_and_parked(processes: Processes, groups: FakeGroupManagement) -> Handle:
    """Return the run that a create has continued as, after its roll-back was rejected."""
    await groups.system.order(Fault(kind="reject", times=2))
    first = await processes.create_user_group("Rejected")
    parked = await eventually(lambda: processes.next_run(first))
    await parked.cancel(reason="carol: wrong name")
    await processes.until_parked(first, times=2)
    return await eventually(lambda: processes.next_run(parked))


async def test_a_roll_back_goes_on_in_a_new_run(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await aborted_and_parked(processes, groups)
    answer = await processes.retry(handle, by="bob")
    await processes.until_closed(handle)
    row, execution = await processes.row(handle), await handle.describe()
    assert answer == "Roll-back: Deprovision user group: begun again"
    assert row is not None
    assert (row.status, execution.status) == (ProcessStatus.ABORTED, WorkflowExecutionStatus.CANCELED)
    subscription = await processes.read(processes.subscription_id(handle))
    assert (subscription.status, subscription.insync) == (Status.TERMINATED, True)
    assert "carol: wrong name" in await processes.details(handle)
    assert "repeat_abort" not in [step.name for step in await processes.steps(handle)]


async def test_the_page_of_a_new_run_shows_the_steps_before(
    worker: None, processes: Processes, groups: FakeGroupManagement, moments: Moments
) -> None:
    handle = await aborted_and_parked(processes, groups)
    shown = []

    async def look(run: StepRun, moment: Moment) -> None:
        if run.course is Course.BACKWARD and moment == "before the effect":
            shown.append(await processes.details(handle))

    moments.acts.append(look)
    await processes.retry(handle)
    await processes.until_closed(handle)
    assert re.search(r"1\sCreate subscription\s+\| ✓\sdone", shown[-1])
    assert "Being rolled back.\n\n> carol: wrong name" in shown[-1]


async def test_a_lost_answer_to_the_repeated_abort_changes_nothing(
    client: Client,
    endpoints: Endpoints,
    task_queue: str,
    processes: Processes,
    groups: FakeGroupManagement,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers_lost = iter(range(3))

    async def request_and_lose_the_answer(*arguments: Any) -> None:
        await request_cancellation(*arguments)
        if next(answers_lost, None) is not None:
            raise RPCError("no answer", RPCStatusCode.DEADLINE_EXCEEDED, b"")

    monkeypatch.setattr("worker.request_cancellation", request_and_lose_the_answer)
    async with open_worker(client, endpoints, task_queue=task_queue) as worker, worker:
        handle = await aborted_and_parked(processes, groups)
        await eventually(lambda: cancel_requested(handle))
        await processes.retry(handle)
        await processes.until_closed(handle)
    row = await processes.row(handle)
    assert row is not None
    assert row.status is ProcessStatus.ABORTED
    assert (await processes.read(processes.subscription_id(handle))).insync


async def test_a_roll_back_from_before_the_upgrade_continues_as_new(
    client: Client,
    endpoints: Endpoints,
    task_queue: str,
    processes: Processes,
    groups: FakeGroupManagement,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("orchestrator.process.frame.LONGEST_HISTORY", 100_000)
    await groups.system.order(Fault(kind="reject", times=3))
    async with open_worker(client, endpoints, task_queue=task_queue) as worker, worker:
        handle = await processes.create_user_group("Rejected")
        await processes.until_parked(handle)
        await handle.cancel(reason="carol: wrong name")
        await processes.until_parked(handle, times=2)
    length = (await handle.describe()).history_length
    monkeypatch.setattr("orchestrator.process.frame.LONGEST_HISTORY", length - 5)
    async with open_worker(client, endpoints, task_queue=task_queue) as worker, worker:
        await processes.retry(handle)
        await processes.until_parked(handle, times=3)
        await eventually(lambda: processes.next_run(handle))
        await processes.retry(processes.latest(handle))
        await processes.until_closed(handle)


async def test_a_roll_back_can_park_in_every_run(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    """A script that retries daily must never make a history without limit."""
    handle = await aborted_and_parked(processes, groups)
    for times in range(3, 6):
        await groups.system.order(Fault(kind="reject", times=1))
        await processes.retry(handle)
        await processes.until_parked(handle, times=times)
        handle = await eventually(lambda parked=handle: processes.next_run(parked))  # type: ignore[misc]
    await processes.retry(handle)
    await processes.until_closed(handle)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert (await handle.describe()).history_length < 50


async def test_a_roll_back_can_be_given_up_in_a_new_run(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await aborted_and_parked(processes, groups)
    await processes.give_up(handle, by="dave", reason="removed by hand")
    await processes.until_closed(handle)
    row = await processes.row(handle)
    assert row is not None
    assert (row.status, row.ended_at is None) == (ProcessStatus.FAILED, False)


async def test_a_new_run_that_goes_back_takes_no_second_abort(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await aborted_and_parked(processes, groups)
    await eventually(lambda: cancel_requested(handle))
    await handle.cancel(reason="erin: me too")
    await processes.retry(handle)
    await processes.until_closed(handle)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert "carol: wrong name" in await processes.details(handle)


async def test_a_terminate_aborted_too_late_goes_on_in_a_new_run(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="reject", times=2))
    first = await processes.start("terminate_user_group", group_id)
    parked = await eventually(lambda: processes.next_run(first))
    await parked.cancel(reason="carol: changed my mind")
    await processes.until_parked(first, times=2)
    handle = await eventually(lambda: processes.next_run(parked))
    await processes.retry(handle)
    async with asyncio.timeout(20):
        await handle.result()
    assert (await processes.read(group_id)).status is Status.TERMINATED


async def test_a_process_that_goes_forward_cannot_be_given_up(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", times=1))
    first = await processes.create_user_group()
    handle = await eventually(lambda: processes.next_run(first))
    with pytest.raises(WorkflowUpdateFailedError):
        await processes.give_up(handle)
    await processes.retry(handle)
    await handle.result()


async def cancel_requested(handle: Handle) -> bool | None:
    description = await handle.describe()
    return description.raw_description.workflow_extended_info.cancel_requested or None
