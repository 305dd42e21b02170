"""From every state a documented command leads back to a subscription that can be used or ended."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError

from orchestrator.domain.subscription import Status
from orchestrator.operations.reconcile import reconcile
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.mending import mend, parked, unlock
from tests.processes import Handle, Processes, eventually

Way = Callable[[Processes, FakeGroupManagement, Handle, UUID], Awaitable[None]]


async def retried(processes: Processes, groups: FakeGroupManagement, handle: Handle, _: UUID) -> None:
    await groups.system.clear_faults()
    await processes.retry(handle)
    await processes.until_closed(handle)


async def aborted(processes: Processes, groups: FakeGroupManagement, handle: Handle, _: UUID) -> None:
    await groups.system.clear_faults()
    await handle.cancel()
    await processes.until_closed(handle)


async def given_up(
    processes: Processes, groups: FakeGroupManagement, handle: Handle, subscription_id: UUID
) -> None:
    await groups.system.order(Fault(kind="reject"))
    await handle.cancel()
    await processes.until_parked(handle, times=2)
    await processes.give_up(handle)
    await processes.until_closed(handle)
    await groups.system.clear_faults()
    await unlock(processes, groups, subscription_id)


async def lost(
    processes: Processes, groups: FakeGroupManagement, handle: Handle, subscription_id: UUID
) -> None:
    await groups.system.clear_faults()
    await handle.terminate("by mistake")
    await mend(processes, groups, handle, subscription_id, "terminated")


@pytest.mark.parametrize("way", [retried, aborted, given_up, lost])
@pytest.mark.parametrize("workflow", ["create_user_group", "modify_user_group"])
async def test_a_parked_process_has_ways_back_to_a_subscription_that_can_be_terminated(
    worker: None, processes: Processes, groups: FakeGroupManagement, workflow: str, way: Way
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle, subscription_id = await parked(processes, workflow)
    await way(processes, groups, handle, subscription_id)
    after = await processes.read(subscription_id)
    assert after.insync
    if after.status is not Status.TERMINATED:
        await (await processes.start("terminate_user_group", subscription_id)).result()
    assert (await processes.read(subscription_id)).status is Status.TERMINATED
    assert await groups.find_group(subscription_id) is None


@pytest.mark.parametrize("way", [retried, lost])
async def test_a_terminate_that_was_stopped_half_way_can_be_ended(
    worker: None, processes: Processes, groups: FakeGroupManagement, way: Way
) -> None:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="reject"))
    handle = await processes.start("terminate_user_group", group_id)
    await processes.until_parked(handle)
    await way(processes, groups, handle, group_id)
    after = await processes.read(group_id)
    assert after.insync
    if after.status is not Status.TERMINATED:
        await (await processes.start("terminate_user_group", group_id)).result()
    assert (await processes.read(group_id)).status is Status.TERMINATED
    assert await groups.find_group(group_id) is None


async def test_an_execution_that_timed_out_is_lost(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle: Handle = await processes.client.start_workflow(
        "modify_user_group",
        {"subscription_id": str(group_id), "group_name": "Reserved"},
        id=f"modify_user_group-{uuid4()}",
        task_queue=processes.task_queue,
        execution_timeout=timedelta(days=1),
    )
    await processes.until_closed(handle)
    await mend(processes, groups, handle, group_id, "timed out")
    assert (await processes.read(group_id)).insync


async def test_an_execution_that_was_deleted_is_lost(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle, group_id = await parked(processes, "modify_user_group")
    execution = WorkflowExecution(workflow_id=handle.id)
    await processes.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(namespace="default", workflow_execution=execution)
    )
    await eventually(lambda: is_gone(handle))
    await mend(processes, groups, handle, group_id, "not found")
    assert (await processes.read(group_id)).insync


async def is_gone(handle: Handle) -> bool | None:
    try:
        await handle.describe()
    except RPCError:
        return True
    return None


async def test_a_process_that_is_open_is_never_found_lost(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle, _ = await parked(processes, "create_user_group")
    found = await reconcile(processes.client, processes.pool)
    assert handle.id not in {row.process_id for row in found}
