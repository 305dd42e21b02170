"""Set-in-sync unlocks only what no open process holds, and no late call changes it afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest

from orchestrator.database import subscriptions
from orchestrator.database.connection import Pool
from orchestrator.domain.errors import StaleToken
from orchestrator.operations.set_in_sync import ChangedMeanwhile, HolderIsOpen, NotFenced
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.mending import lost_holder, parked, repair, unlock
from tests.processes import Processes, eventually, until_struck


async def test_a_known_discrepancy_can_be_set_in_sync_by_hand(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group("Here")
    await groups.system.tamper(group_id, {"group_name": "There"})
    found = await processes.start("validate_user_group", group_id)
    await processes.failure(found)
    await unlock(processes, [groups.system], group_id)
    assert (await processes.read(group_id)).insync
    assert [(event.event, event.by) for event in await processes.events(found)] == [("set in sync", "dave")]


async def test_nothing_is_set_in_sync_while_its_holder_is_open(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle, group_id = await parked(processes, "modify_user_group")
    with pytest.raises(HolderIsOpen, match=f"has still failed processes with id's: \\['{handle.id}'\\]"):
        await unlock(processes, [groups.system], group_id)
    assert (await processes.read(group_id)).held_by == handle.id


async def test_what_a_lost_process_has_changed_grows_the_version(
    worker: None, processes: Processes, groups: FakeGroupManagement, pool: Pool
) -> None:
    group_id = await processes.active_group("Before")
    async with unlocking_fails(pool):
        handle = await processes.start("modify_user_group", group_id, group_name="After")
        await eventually(lambda: is_called(processes, group_id, "User Group After"))
        await handle.terminate("by mistake")
        await repair(processes, [groups.system], handle, group_id, "terminated")
    after = await processes.read(group_id)
    assert (after.description, after.insync, after.version) == ("User Group After", True, 2)
    stale = await processes.start("modify_user_group", group_id, group_name="Late", version=1)
    assert "Stale data: given version (1)" in await processes.failure(stale)


async def test_a_lost_process_without_changes_leaves_the_version(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    _, group_id = await lost_holder(processes, groups)
    await unlock(processes, [groups.system], group_id)
    assert (await processes.read(group_id)).version == 1


async def token_of(processes: Processes, subscription_id: UUID) -> int:
    async with processes.pool.acquire() as connection:
        stored = await subscriptions.read_subscription(connection, subscription_id)
    assert stored is not None
    return stored.fence


async def test_a_call_that_arrives_after_set_in_sync_changes_nothing(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    _, group_id = await lost_holder(processes, groups)
    token = await token_of(processes, group_id)
    await groups.system.order(Fault(kind="slow", seconds=1, times=1))
    late = asyncio.create_task(groups.rename_group(group_id, "Late", token=token))
    await until_struck(groups.system)
    await unlock(processes, [groups.system], group_id)
    with pytest.raises(StaleToken):
        await late
    found = await groups.find_group(group_id)
    assert found is not None
    assert found.group_name == "Network operators"
    assert (await processes.read(group_id)).insync


async def test_nothing_is_unlocked_when_the_external_system_is_away(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle, group_id = await lost_holder(processes, groups)
    await groups.system.order(Fault(kind="unreachable", times=1))
    with pytest.raises(NotFenced, match=r"stays locked: .*group_management cannot be reached.*run set-in-s"):
        await unlock(processes, [groups.system], group_id)
    assert (await processes.read(group_id)).held_by == handle.id
    assert [event.event for event in await processes.events(handle)] == ["parked"]
    await unlock(processes, [groups.system], group_id)
    assert (await processes.read(group_id)).insync


async def test_the_external_system_gets_the_token_that_is_stored(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    told = []

    async def fence(product_type: str, subscription_id: UUID, token: int) -> None:
        told.append((product_type, subscription_id, token, await token_of(processes, subscription_id)))

    _, group_id = await lost_holder(processes, groups)
    before = await token_of(processes, group_id)
    await unlock(processes, [groups.system], group_id, fence)
    assert told == [("UserGroup", group_id, before + 1, before + 1)]
    assert await token_of(processes, group_id) == before + 1


async def test_a_step_that_begins_meanwhile_keeps_the_lock(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    """The step has read the new token, so the external system would accept its call."""
    handle, group_id = await lost_holder(processes, groups)

    async def a_step_begins(*_: object) -> None:
        await processes.pool.execute(
            "UPDATE processes SET last_step = last_step WHERE process_id = $1", handle.id
        )

    with pytest.raises(ChangedMeanwhile, match="has changed while it was being set in sync"):
        await unlock(processes, [groups.system], group_id, a_step_begins)
    assert (await processes.read(group_id)).held_by == handle.id


async def test_of_two_set_in_syncs_at_once_one_succeeds(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle, group_id = await lost_holder(processes, groups)

    async def another_is_faster(*_: object) -> None:
        await unlock(processes, [groups.system], group_id)

    with pytest.raises(ChangedMeanwhile):
        await unlock(processes, [groups.system], group_id, another_is_faster)
    assert (await processes.read(group_id)).insync
    assert [event.event for event in await processes.events(handle)] == ["parked", "set in sync"]


@asynccontextmanager
async def unlocking_fails(pool: Pool) -> AsyncIterator[None]:
    """Hold every process before its last step."""
    await pool.execute("ALTER TABLE process_steps ADD CONSTRAINT stuck CHECK (step <> 'resync') NOT VALID")
    yield
    await pool.execute("ALTER TABLE process_steps DROP CONSTRAINT stuck")


async def is_called(processes: Processes, subscription_id: UUID, description: str) -> bool | None:
    return (await processes.read(subscription_id)).description == description or None


async def test_a_discrepancy_alone_needs_no_answer_from_outside(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group("Here")
    await groups.system.tamper(group_id, {"group_name": "There"})
    await processes.failure(await processes.start("validate_user_group", group_id))
    await groups.system.order(Fault(kind="unreachable"))
    await unlock(processes, [groups.system], group_id)
    assert (await processes.read(group_id)).insync


async def test_a_hanging_external_system_unlocks_nothing(
    worker: None, processes: Processes, groups: FakeGroupManagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(product_type: str, subscription_id: UUID, token: int) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("orchestrator.operations.set_in_sync.PATIENCE", timedelta(seconds=0.05))
    handle, group_id = await lost_holder(processes, groups)
    with pytest.raises(NotFenced):
        await unlock(processes, [groups.system], group_id, hang)
    assert (await processes.read(group_id)).held_by == handle.id
