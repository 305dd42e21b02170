"""Set in sync and reconcile can be started as workflows, for example in the Web UI."""

from uuid import UUID, uuid4

from orchestrator.domain.process import ProcessStatus
from orchestrator.temporal import search_attributes
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.mending import parked
from tests.processes import Handle, Processes


async def set_in_sync(processes: Processes, subscription_id: UUID) -> Handle:
    return await processes.client.start_workflow(
        "set_in_sync",
        {"subscription_id": str(subscription_id), "by": "dave", "reason": "looked"},
        id=f"set_in_sync-{uuid4()}",
        task_queue=processes.task_queue,
    )


async def status_of(handle: Handle) -> str | None:
    return (await handle.describe()).typed_search_attributes.get(search_attributes.PROCESS_STATUS)


async def test_a_discrepancy_is_set_in_sync_by_a_workflow(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group("Here")
    await groups.system.tamper(group_id, {"group_name": "There"})
    found = await processes.start("validate_user_group", group_id)
    await processes.failure(found)
    handle = await set_in_sync(processes, group_id)
    await handle.result()
    events = [(event.event, event.by, event.reason) for event in await processes.events(found)]
    assert (await processes.read(group_id)).insync
    assert events == [("set in sync", "dave", "looked")]
    assert await status_of(handle) == "completed"
    assert f"`{group_id}` is in sync" in await processes.details(handle)


async def test_an_open_holder_is_named_when_set_in_sync_is_refused(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    holder, group_id = await parked(processes, "modify_user_group")
    handle = await set_in_sync(processes, group_id)
    assert f"has still failed processes with id's: ['{holder.id}']" in await processes.failure(handle)
    assert await status_of(handle) == "failed"
    assert holder.id.replace("_", "\\_") in await processes.details(handle)
    assert not (await processes.read(group_id)).insync


async def test_reconcile_as_a_workflow_marks_lost_processes(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    holder, group_id = await parked(processes, "modify_user_group")
    await holder.terminate("by mistake")
    handle = await processes.client.start_workflow(
        "reconcile", {}, id=f"reconcile-{uuid4()}", task_queue=processes.task_queue
    )
    found = await handle.result()
    row = await processes.row(holder)
    assert row is not None
    assert row.status is ProcessStatus.LOST
    assert holder.id in found["process_ids"]
    assert f"`{holder.id}`" in await processes.details(handle)
    await (await set_in_sync(processes, group_id)).result()
    assert (await processes.read(group_id)).insync
