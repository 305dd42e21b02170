"""A process shows what it has changed, also when the ledger has dropped what it left."""

from uuid import UUID

from orchestrator.database.connection import Pool
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import Handle, Processes
from tests.starting import Starter


async def done(processes: Processes, workflow: str, wanted: UUID, **fields: object) -> Handle:
    handle = await processes.start(workflow, wanted, **fields)
    await processes.until_closed(handle)
    return handle


async def changes(starter: Starter, handle: Handle) -> list[tuple[object, ...]] | None:
    found = (await starter("process", handle.id, "--json")).document["changes"]
    return None if found is None else [tuple(one.values()) for one in found]


async def test_a_process_shows_what_it_has_changed(
    worker: None, starter: Starter, processes: Processes, pool: Pool
) -> None:
    group = await processes.active_group("A")
    create = await processes.create_user_group("Another")
    await create.result()
    handles = [
        await done(processes, "modify_user_group", group, group_name="B"),
        await done(processes, "modify_user_group", group, group_name="B"),
        await done(processes, "validate_user_group", group),
        await done(processes, "modify_user_group", group, group_name="C"),
        await done(processes, "terminate_user_group", group),
    ]
    expected = [
        [("group_name", "A", "B")],
        [],
        [],
        [("group_name", "B", "C")],
        [("status", "active", "terminated")],
    ]
    kept = [await changes(starter, one) for one in handles]
    ids = [one.id for one in handles]  # as if the ledger had dropped their results
    await pool.execute("UPDATE process_steps SET result = 'null' WHERE process_id = ANY ($1)", ids)
    derived = [await changes(starter, one) for one in handles]
    assert await changes(starter, create) is None
    assert kept == expected
    assert derived == expected


async def test_an_aborted_process_has_changed_nothing(
    worker: None, starter: Starter, processes: Processes, groups: FakeGroupManagement
) -> None:
    group = await processes.active_group("Before")
    await groups.system.order(Fault(kind="reject", name="After"))
    handle = await processes.start("modify_user_group", group, group_name="After")
    await processes.until_parked(handle)
    parked = await changes(starter, handle)
    await handle.cancel()
    await processes.until_closed(handle)
    await done(processes, "modify_user_group", group, group_name="Later")
    assert (parked, await changes(starter, handle)) == ([], [])


async def test_the_terminal_shows_what_was_and_what_changed(
    worker: None, starter: Starter, processes: Processes
) -> None:
    group = await processes.active_group("Before")
    handle = await done(processes, "modify_user_group", group, group_name="After")
    process = await starter("process", handle.id)
    then = await starter("subscription", str(group), "--at", "0s")
    assert "Changed\nValue       Before  After\ngroup_name  Before  After\n" in process.stdout
    assert ["user_group.group_name", "After"] in [line.split() for line in then.stdout.splitlines()]
    assert "Trail" not in then.stdout
