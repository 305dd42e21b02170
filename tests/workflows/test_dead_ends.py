"""From every state a documented command leads back to a subscription that can be used or ended."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError

from catalogue import CATALOGUE, CatalogueEntry
from orchestrator.domain.process import Target
from orchestrator.domain.subscription import Status
from orchestrator.operations.reconcile import reconcile
from services.fake_system import FakeSystem, Fault
from tests.lifecycles import EVERY, Lifecycle, label, outside
from tests.mending import repair, unlock
from tests.processes import Handle, Processes, eventually

PARKING = [(entry, target) for entry, target in EVERY if target is not Target.VALIDATE]
"""The workflows that park when an external system rejects what they ask; a validation only asks."""
Systems = list[FakeSystem]
Way = Callable[[Processes, Systems, Handle, UUID], Awaitable[None]]


async def reject(systems: Systems) -> None:
    """Make every external system reject requests until its faults are cleared."""
    for system in systems:
        await system.order(Fault(kind="reject"))


async def behave(systems: Systems) -> None:
    for system in systems:
        await system.clear_faults()


async def parked(lifecycle: Lifecycle, systems: Systems) -> tuple[Handle, UUID]:
    """Park a process; the external systems go on rejecting."""
    process_id, subscription_id, fields = await lifecycle.prepare()
    await reject(systems)
    handle = await lifecycle.start(process_id, fields)
    await lifecycle.processes.until_parked(handle)
    return handle, subscription_id


async def retried(processes: Processes, systems: Systems, handle: Handle, _: UUID) -> None:
    await behave(systems)
    await processes.retry(handle)
    await processes.until_closed(handle)


async def aborted(processes: Processes, systems: Systems, handle: Handle, _: UUID) -> None:
    await behave(systems)
    await handle.cancel()
    await processes.until_closed(handle)


async def given_up(processes: Processes, systems: Systems, handle: Handle, subscription_id: UUID) -> None:
    await handle.cancel()
    await processes.until_parked(handle, times=2)
    await processes.give_up(handle)
    await processes.until_closed(handle)
    await behave(systems)
    await unlock(processes, systems, subscription_id)


async def lost(processes: Processes, systems: Systems, handle: Handle, subscription_id: UUID) -> None:
    await behave(systems)
    await handle.terminate("by mistake")
    await repair(processes, systems, handle, subscription_id, "terminated")


@pytest.mark.parametrize("way", [retried, aborted, given_up, lost])
@pytest.mark.parametrize(("entry", "target"), PARKING, ids=label)
async def test_a_parked_process_leaves_nothing_locked(
    worker: None,
    processes: Processes,
    systems: Systems,
    entry: CatalogueEntry,
    target: Target,
    way: Way,
) -> None:
    handle, subscription_id = await parked(Lifecycle(processes, entry, target), systems)
    await way(processes, systems, handle, subscription_id)
    after = await processes.read(subscription_id)
    assert after.insync
    if after.status is not Status.TERMINATED:
        terminate = Lifecycle.type_of(entry, Target.TERMINATE)
        await (await processes.start(terminate, subscription_id)).result()
    assert (await processes.read(subscription_id)).status is Status.TERMINATED
    assert await outside(systems, subscription_id) == []


@pytest.fixture
def modify(processes: Processes) -> Lifecycle:
    """A modify of the first product: these tests are about the process, whatever it changes."""
    return Lifecycle(processes, CATALOGUE[0], Target.MODIFY)


async def test_an_execution_that_timed_out_is_lost(
    worker: None, processes: Processes, modify: Lifecycle, systems: Systems
) -> None:
    process_id, subscription_id, fields = await modify.prepare()
    await reject(systems)
    handle: Handle = await processes.client.start_workflow(
        modify.workflow,
        fields,
        id=process_id,
        task_queue=processes.task_queue,
        execution_timeout=timedelta(days=1),
    )
    await processes.until_closed(handle)
    await repair(processes, systems, handle, subscription_id, "timed out")
    assert (await processes.read(subscription_id)).insync


async def test_an_execution_that_was_deleted_is_lost(
    worker: None, processes: Processes, modify: Lifecycle, systems: Systems
) -> None:
    handle, subscription_id = await parked(modify, systems)
    execution = WorkflowExecution(workflow_id=handle.id)
    await processes.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(namespace="default", workflow_execution=execution)
    )
    await eventually(lambda: is_gone(handle))
    await repair(processes, systems, handle, subscription_id, "not found")
    assert (await processes.read(subscription_id)).insync


async def is_gone(handle: Handle) -> bool | None:
    try:
        await handle.describe()
    except RPCError:
        return True
    return None


async def test_a_process_that_is_open_is_never_found_lost(
    worker: None, processes: Processes, modify: Lifecycle, systems: Systems
) -> None:
    handle, _ = await parked(modify, systems)
    found = await reconcile(processes.client, processes.pool)
    assert handle.id not in {row.process_id for row in found}
