"""An abort at any moment of any workflow rolls back completely, or comes too late and changes nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args
from uuid import UUID

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError

from catalogue import CatalogueEntry
from orchestrator.domain.process import ProcessStatus, Target
from orchestrator.domain.subscription import Status, SubscriptionModel
from orchestrator.process.frame import ProcessFrame
from orchestrator.process.ledger import Moment
from orchestrator.process.messages import StepRun
from services.fake_group_management import FakeGroupManagement
from services.fake_system import FakeSystem, Fault, Record
from settings import Endpoints
from tests.lifecycles import EVERY, Lifecycle, label, outside
from tests.moments import Moments
from tests.processes import Handle, Processes, eventually
from worker import open_worker


@dataclass(frozen=True)
class Abort:
    """The moment of an abort."""

    step: str
    moment: Moment


class Aborter:
    """Requests the cancellation of processes at a chosen moment inside a step."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.aborts: dict[str, list[Abort]] = {}

    async def __call__(self, run: StepRun, moment: Moment) -> None:
        process_id = run.process.process_id
        if Abort(run.step, moment) in self.aborts.get(process_id, []):
            self.aborts[process_id].remove(Abort(run.step, moment))
            await self.client.get_workflow_handle(process_id).cancel(reason=f"carol: {moment}")


@dataclass(frozen=True)
class Ended:
    """A process that has ended, and its subscription before and after."""

    handle: Handle
    before: SubscriptionModel | None
    before_outside: list[Record]
    after: SubscriptionModel | None
    after_outside: list[Record]


@pytest.fixture
def aborter(client: Client, moments: Moments) -> Aborter:
    aborter = Aborter(client)
    moments.acts.append(aborter)
    return aborter


def every_abort(definition: type[ProcessFrame]) -> list[Abort]:
    """Return every moment of every step, in order."""
    return [Abort(step.key, moment) for step in definition.sequence for moment in get_args(Moment)]


def comes_too_late(definition: type[ProcessFrame], abort: Abort) -> bool:
    """Return whether the process completes all the same.

    The point of no return is the pivot, or else the last step, which asks for an abort as it begins.
    """
    keys = [step.key for step in definition.sequence]
    last = keys.index(definition.pivot.key) if definition.pivot else len(keys) - 1
    at = keys.index(abort.step)
    return at > last or (at == last and abort.moment != "before the effect")


@pytest.mark.parametrize(("entry", "target"), EVERY, ids=label)
async def test_an_abort_rolls_back_completely_or_comes_too_late(
    worker: None,
    processes: Processes,
    aborter: Aborter,
    systems: list[FakeSystem],
    entry: CatalogueEntry,
    target: Target,
) -> None:
    lifecycle = Lifecycle(processes, entry, target)

    async def run(abort: Abort) -> None:
        ended = await run_with(lifecycle, systems, aborter, [abort])
        completed = comes_too_late(lifecycle.definition, abort)
        await check(ended, processes, target, ProcessStatus.COMPLETED if completed else ProcessStatus.ABORTED)

    await asyncio.gather(*(run(abort) for abort in every_abort(lifecycle.definition)))


@pytest.mark.parametrize(("entry", "target"), EVERY, ids=label)
async def test_a_second_abort_during_the_roll_back_changes_nothing(
    worker: None,
    processes: Processes,
    aborter: Aborter,
    systems: list[FakeSystem],
    entry: CatalogueEntry,
    target: Target,
) -> None:
    lifecycle = Lifecycle(processes, entry, target)
    second_to_last = lifecycle.definition.sequence[1 if target is Target.TERMINATE else -2].key
    first = Abort(second_to_last, "after the commit")
    again = [Abort(f"roll_back: {step.key}", "before the commit") for step in lifecycle.definition.roll_back]
    ended = await run_with(lifecycle, systems, aborter, [first, *again])
    assert aborter.aborts[ended.handle.id] == []
    await check(ended, processes, target, ProcessStatus.ABORTED)


@pytest.mark.parametrize(("entry", "target"), EVERY, ids=label)
async def test_an_abort_before_the_first_step_leaves_only_its_row(
    client: Client,
    endpoints: Endpoints,
    processes: Processes,
    systems: list[FakeSystem],
    entry: CatalogueEntry,
    target: Target,
) -> None:
    lifecycle = Lifecycle(processes, entry, target)
    queue = processes.task_queue
    async with open_worker(client, endpoints, task_queue=queue) as worker, worker:
        process_id, subscription_id, fields = await lifecycle.prepare()
    before = await state(processes, systems, subscription_id)
    handle = await lifecycle.start(process_id, fields)
    await handle.cancel(reason="carol: at once")
    async with open_worker(client, endpoints, task_queue=queue) as worker, worker:
        await processes.until_closed(handle)
    row = await processes.row(handle)
    assert await state(processes, systems, subscription_id) == before
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert row is not None
    assert row.status is ProcessStatus.ABORTED


@pytest.mark.parametrize(("entry", "target"), EVERY, ids=label)
async def test_an_abort_does_not_wait_for_the_next_retry(
    worker: None, processes: Processes, systems: list[FakeSystem], entry: CatalogueEntry, target: Target
) -> None:
    lifecycle = Lifecycle(processes, entry, target)
    process_id, subscription_id, fields = await lifecycle.prepare()
    before = await state(processes, systems, subscription_id)
    for system in systems:
        await system.order(Fault(kind="unreachable"))
    handle = await lifecycle.start(process_id, fields)
    await eventually(lambda: retrying(processes, handle))
    await handle.cancel(reason="carol: too long")
    for system in systems:
        await system.clear_faults()
    await processes.until_closed(handle)
    after = await state(processes, systems, subscription_id)
    expected = ProcessStatus.COMPLETED if target is Target.TERMINATE else ProcessStatus.ABORTED
    await check(Ended(handle, *before, *after), processes, target, expected)


async def test_an_abort_after_a_found_discrepancy_comes_too_late(
    worker: None, processes: Processes, aborter: Aborter, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group()
    await groups.system.tamper(group_id, None)
    process_id = "validate_user_group-late"
    aborter.aborts[process_id] = [Abort("conclude_validation", "after the commit")]
    handle = await processes.client.start_workflow(
        "validate_user_group",
        {"subscription_id": str(group_id)},
        id=process_id,
        task_queue=processes.task_queue,
    )
    message = await processes.failure(handle)
    row = await processes.row(handle)
    assert aborter.aborts[process_id] == []
    assert "group management system" in message
    assert row is not None
    assert (row.status, (await processes.read(group_id)).discrepancy_found_by) == (
        ProcessStatus.FAILED,
        process_id,
    )


async def retrying(processes: Processes, handle: Handle) -> bool | None:
    return (
        True if any(step.attempts and step.attempts > 1 for step in await processes.steps(handle)) else None
    )


async def run_with(
    lifecycle: Lifecycle, systems: list[FakeSystem], aborter: Aborter, aborts: list[Abort]
) -> Ended:
    """Run a process and abort it at these moments."""
    processes = lifecycle.processes
    process_id, subscription_id, fields = await lifecycle.prepare()
    before = await state(processes, systems, subscription_id)
    aborter.aborts[process_id] = list(aborts)
    handle = await lifecycle.start(process_id, fields)
    await processes.until_closed(handle)
    return Ended(handle, *before, *await state(processes, systems, subscription_id))


async def state(
    processes: Processes, systems: list[FakeSystem], subscription_id: UUID
) -> tuple[SubscriptionModel | None, list[Record]]:
    return await processes.find(subscription_id), await outside(systems, subscription_id)


async def check(ended: Ended, processes: Processes, target: Target, expected: ProcessStatus) -> None:
    """Assert the end of a process, and the state of database and external system."""
    row, execution = await processes.row(ended.handle), await ended.handle.describe()
    assert row is not None
    assert (row.status, row.ended_at is not None) == (expected, True)
    assert ended.after is not None
    assert ended.after.insync
    if expected is ProcessStatus.COMPLETED:
        assert execution.status is WorkflowExecutionStatus.COMPLETED
        DONE[target](ended)
        return
    assert execution.status is WorkflowExecutionStatus.CANCELED
    if target is Target.CREATE:
        assert (ended.after.status, ended.after_outside) == (Status.TERMINATED, [])
    else:
        assert (ended.after, ended.after_outside) == (ended.before, ended.before_outside)


def created(ended: Ended) -> None:
    assert ended.after is not None
    assert (ended.after.status, ended.after.version) == (Status.ACTIVE, 1)
    assert len(ended.after_outside) == 1


def modified(ended: Ended) -> None:
    assert ended.before is not None
    assert ended.after is not None
    assert ended.after.version == ended.before.version + 1
    assert (
        ended.after_outside[0].attributes.items()
        >= ended.after.block.model_dump(include={"group_name", "username", "age"}).items()
    )
    assert ended.after_outside != ended.before_outside


def terminated(ended: Ended) -> None:
    assert ended.after is not None
    assert (ended.after.status, ended.after_outside) == (Status.TERMINATED, [])


def validated(ended: Ended) -> None:
    assert (ended.after, ended.after_outside) == (ended.before, ended.before_outside)


DONE: dict[Target, Callable[[Ended], None]] = {
    Target.CREATE: created,
    Target.MODIFY: modified,
    Target.TERMINATE: terminated,
    Target.VALIDATE: validated,
}


async def test_a_retry_that_loses_against_an_abort_says_so(
    client: Client, endpoints: Endpoints, task_queue: str, processes: Processes, groups: FakeGroupManagement
) -> None:
    """Both arrive while no worker runs, so that one workflow task gets them together."""
    await groups.system.order(Fault(kind="reject", times=1))
    async with open_worker(client, endpoints, task_queue=task_queue) as worker, worker:
        handle = await processes.create_user_group()
        await processes.until_parked(handle)
    await handle.cancel(reason="carol: wrong name")
    retry = asyncio.create_task(processes.retry(handle))
    await asyncio.sleep(0.5)  # no program can see that an update waits for a worker
    async with open_worker(client, endpoints, task_queue=task_queue) as worker, worker:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await retry
        await processes.until_closed(handle)
    assert "was aborted in the same moment" in str(refused.value.cause)
    assert [event.event for event in await processes.events(handle)] == ["parked", "abort requested"]
