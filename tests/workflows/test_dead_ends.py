"""From every state a documented command leads back to a subscription that can be used or ended."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from orchestrator.database.connection import Pool
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from orchestrator.operations.reconcile import reconcile
from orchestrator.operations.set_in_sync import HolderIsOpen, set_in_sync
from orchestrator.temporal import search_attributes
from orchestrator.temporal.plugin import subscriptions_plugin
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import Settings
from stack.temporal_server import find_temporal_cli
from tests.processes import Handle, Processes, eventually
from worker import open_worker

Way = Callable[[Processes, FakeGroupManagement, Handle, UUID], Awaitable[None]]


async def parked(processes: Processes, workflow: str) -> tuple[Handle, UUID]:
    """Park a process of this workflow; the external system goes on rejecting."""
    if workflow == "create_user_group":
        created = await processes.create_user_group("Reserved")
        await processes.until_parked(created)
        return created, processes.subscription_id(created)
    group_id = await processes.active_group()
    fields = {"group_name": "Reserved"} if workflow == "modify_user_group" else {}
    handle = await processes.start(workflow, group_id, **fields)
    await processes.until_parked(handle)
    return handle, group_id


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
    await set_in_sync(processes.client, processes.pool, subscription_id, by="dave", reason="looked")


async def lost(
    processes: Processes, groups: FakeGroupManagement, handle: Handle, subscription_id: UUID
) -> None:
    await groups.system.clear_faults()
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


async def test_what_a_lost_process_has_changed_grows_the_version(
    worker: None, processes: Processes, pool: Pool
) -> None:
    group_id = await processes.active_group("Before")
    async with unlocking_fails(pool):
        handle = await processes.start("modify_user_group", group_id, group_name="After")
        await eventually(lambda: is_called(processes, group_id, "User Group After"))
        await handle.terminate("by mistake")
    await mend(processes, handle, group_id, "terminated")
    after = await processes.read(group_id)
    assert (after.description, after.insync, after.version) == ("User Group After", True, 2)
    stale = await processes.start("modify_user_group", group_id, group_name="Late", version=1)
    assert "Stale data: given version (1)" in await processes.failure(stale)


async def test_a_lost_process_that_has_changed_nothing_leaves_the_version(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle, group_id = await parked(processes, "modify_user_group")
    await handle.terminate("by mistake")
    await mend(processes, handle, group_id, "terminated")
    assert (await processes.read(group_id)).version == 1


@asynccontextmanager
async def unlocking_fails(pool: Pool) -> AsyncIterator[None]:
    """Let every process go as far as its last step."""
    await pool.execute("ALTER TABLE process_steps ADD CONSTRAINT stuck CHECK (step <> 'resync') NOT VALID")
    yield
    await pool.execute("ALTER TABLE process_steps DROP CONSTRAINT stuck")


async def is_called(processes: Processes, subscription_id: UUID, description: str) -> bool | None:
    return (await processes.read(subscription_id)).description == description or None


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
    await mend(processes, handle, group_id, "timed out")
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
    await mend(processes, handle, group_id, "not found")
    assert (await processes.read(group_id)).insync


async def is_gone(handle: Handle) -> bool | None:
    try:
        await handle.describe()
    except RPCError:
        return True
    return None


async def test_a_temporal_that_has_lost_its_database_leaves_nothing_locked_for_ever(
    worker: None,
    directory: Path,
    settings: Settings,
    processes: Processes,
    groups: FakeGroupManagement,
    pool: Pool,
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle, group_id = await parked(processes, "modify_user_group")
    await groups.system.clear_faults()
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=find_temporal_cli(directory),
        search_attributes=search_attributes.ALL,
        plugins=[subscriptions_plugin()],
    ) as empty:
        anew = Processes(empty.client, processes.task_queue, pool)
        await mend(anew, handle, group_id, "not found")
        async with open_worker(empty.client, settings, task_queue=anew.task_queue) as other, other:
            await (await anew.start("terminate_user_group", group_id)).result()
    assert (await processes.read(group_id)).status is Status.TERMINATED
    assert await groups.find_group(group_id) is None


async def test_a_subscription_is_not_set_in_sync_while_its_holder_is_open(
    worker: None, processes: Processes, groups: FakeGroupManagement, pool: Pool, client: Client
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle, group_id = await parked(processes, "modify_user_group")
    with pytest.raises(HolderIsOpen, match=f"has still failed processes with id's: \\['{handle.id}'\\]"):
        await set_in_sync(client, pool, group_id, by=None, reason=None)
    assert (await processes.read(group_id)).held_by == handle.id


async def test_a_process_that_is_open_is_never_found_lost(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle, _ = await parked(processes, "create_user_group")
    found = await reconcile(processes.client, processes.pool)
    assert handle.id not in {row.process_id for row in found}
