"""From every state a documented command leads back to a subscription that can be used or ended."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from catalogue import CATALOGUE, CatalogueEntry
from orchestrator.database.connection import Pool
from orchestrator.domain.process import ProcessStatus, Target
from orchestrator.domain.subscription import Status
from orchestrator.operations.reconcile import reconcile
from orchestrator.operations.set_in_sync import HolderIsOpen, set_in_sync
from orchestrator.temporal import search_attributes
from orchestrator.temporal.plugin import subscriptions_plugin
from services.fake_group_management import FakeGroupManagement
from services.fake_system import FakeSystem, Fault
from settings import Endpoints
from stack.temporal_server import find_temporal_cli
from tests.lifecycles import EVERY, Lifecycle, label, outside
from tests.processes import Handle, Processes, eventually
from worker import open_worker

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
    await set_in_sync(processes.client, processes.pool, subscription_id, by="dave", reason="looked")


async def lost(processes: Processes, systems: Systems, handle: Handle, subscription_id: UUID) -> None:
    await behave(systems)
    await handle.terminate("by mistake")
    await mend(processes, handle, subscription_id, "terminated")


async def mend(processes: Processes, handle: Handle, subscription_id: UUID, closed: str) -> None:
    """Find the process lost, and set its subscription in sync."""
    await eventually(lambda: found_lost(processes, handle))
    row = await processes.row(handle)
    assert row is not None
    assert (row.status, row.failed_reason) == (
        ProcessStatus.LOST,
        f"Its execution in Temporal: {closed}",
    )
    assert (await processes.read(subscription_id)).held_by == handle.id
    await set_in_sync(processes.client, processes.pool, subscription_id, by="dave", reason="looked")


async def found_lost(processes: Processes, handle: Handle) -> bool | None:
    found = await reconcile(processes.client, processes.pool)
    return any(row.process_id == handle.id for row in found) or None


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


async def test_a_known_discrepancy_can_be_set_in_sync_by_hand(
    worker: None, processes: Processes, groups: FakeGroupManagement, pool: Pool, client: Client
) -> None:
    group_id = await processes.active_group("Here")
    await groups.system.tamper(group_id, {"group_name": "There"})
    found = await processes.start("validate_user_group", group_id)
    await processes.failure(found)
    await set_in_sync(client, pool, group_id, by="dave", reason="never mind")
    assert (await processes.read(group_id)).insync
    assert [(event.event, event.by) for event in await processes.events(found)] == [("set in sync", "dave")]


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
    await mend(processes, handle, subscription_id, "timed out")
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
    await mend(processes, handle, subscription_id, "not found")
    assert (await processes.read(subscription_id)).insync


async def is_gone(handle: Handle) -> bool | None:
    try:
        await handle.describe()
    except RPCError:
        return True
    return None


async def test_nothing_stays_locked_after_temporal_lost_its_database(
    worker: None,
    directory: Path,
    endpoints: Endpoints,
    processes: Processes,
    modify: Lifecycle,
    systems: Systems,
) -> None:
    handle, subscription_id = await parked(modify, systems)
    await behave(systems)
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=find_temporal_cli(directory),
        search_attributes=search_attributes.ALL,
        plugins=[subscriptions_plugin()],
    ) as empty:
        anew = Processes(empty.client, processes.task_queue, processes.pool)
        await mend(anew, handle, subscription_id, "not found")
        async with open_worker(empty.client, endpoints, task_queue=anew.task_queue) as other, other:
            terminate = Lifecycle.type_of(modify.entry, Target.TERMINATE)
            await (await anew.start(terminate, subscription_id)).result()
    assert (await processes.read(subscription_id)).status is Status.TERMINATED
    assert await outside(systems, subscription_id) == []


async def test_nothing_is_set_in_sync_while_its_holder_is_open(
    worker: None, processes: Processes, modify: Lifecycle, systems: Systems
) -> None:
    handle, subscription_id = await parked(modify, systems)
    with pytest.raises(HolderIsOpen, match=f"has still failed processes with id's: \\['{handle.id}'\\]"):
        await set_in_sync(processes.client, processes.pool, subscription_id, by=None, reason=None)
    assert (await processes.read(subscription_id)).held_by == handle.id


async def test_a_process_that_is_open_is_never_found_lost(
    worker: None, processes: Processes, modify: Lifecycle, systems: Systems
) -> None:
    handle, _ = await parked(modify, systems)
    found = await reconcile(processes.client, processes.pool)
    assert handle.id not in {row.process_id for row in found}
