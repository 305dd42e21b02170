"""Park processes, lose them, and set their subscriptions in sync."""

from uuid import UUID

from orchestrator.domain.process import ProcessStatus
from orchestrator.operations.reconcile import reconcile
from orchestrator.operations.set_in_sync import Fence, set_in_sync
from services.fake_faults import Fault
from services.fake_group_management import FakeGroupManagement
from services.fake_system import FakeSystem
from tests.processes import Handle, Processes, eventually


async def parked(processes: Processes, workflow: str) -> tuple[Handle, UUID]:
    """Start a process that the external system rejects, and wait until it parks."""
    if workflow == "create_user_group":
        created = await processes.create_user_group("Reserved")
        await processes.until_parked(created)
        return created, processes.subscription_id(created)
    group_id = await processes.active_group()
    fields = {"group_name": "Reserved"} if workflow == "modify_user_group" else {}
    handle = await processes.start(workflow, group_id, **fields)
    await processes.until_parked(handle)
    return handle, group_id


async def repair(
    processes: Processes, systems: list[FakeSystem], handle: Handle, subscription_id: UUID, closed: str
) -> None:
    """Wait until the process is found lost, then set its subscription in sync.

    Args:
        closed: how Temporal closed the process.
    """
    await eventually(lambda: found_lost(processes, handle))
    row = await processes.row(handle)
    assert row is not None
    assert (row.status, row.failed_reason) == (
        ProcessStatus.LOST,
        f"Its execution in Temporal: {closed}",
    )
    assert (await processes.read(subscription_id)).held_by == handle.id
    await unlock(processes, systems, subscription_id)


async def unlock(
    processes: Processes, systems: list[FakeSystem], subscription_id: UUID, fence: Fence | None = None
) -> None:
    """Set a subscription in sync; send the new token to `fence`, or to the fakes if there is none."""

    async def tell(_: str, subscription_id: UUID, token: int) -> None:
        for system in systems:
            await system.fence(subscription_id, token=token)

    client, pool = processes.client, processes.pool
    await set_in_sync(client, pool, subscription_id, fence=fence or tell, by="dave", reason="looked")


async def found_lost(processes: Processes, handle: Handle) -> bool | None:
    found = await reconcile(processes.client, processes.pool)
    return any(row.process_id == handle.id for row in found) or None


async def lost_holder(processes: Processes, groups: FakeGroupManagement) -> tuple[Handle, UUID]:
    """Lose a process that holds a group; clear the faults of the external system."""
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle, group_id = await parked(processes, "modify_user_group")
    await groups.system.clear_faults()
    await handle.terminate("by mistake")
    await eventually(lambda: found_lost(processes, handle))
    return handle, group_id
