"""A subscription is shown as it was, as snapshots from then say."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from cli.documents import Document, subscription_document
from cli.past import NotThereYet, as_it_was
from orchestrator.database.connection import Pool
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.mending import lost_holder, unlock
from tests.processes import Handle, Processes
from tests.starting import Starter

Wait = Callable[[Handle], Awaitable[Any]]


class Snapshots:
    """Documents of subscriptions with the moments at which they were taken."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.taken: list[tuple[datetime, Document]] = []

    async def take(self, *ids: UUID) -> datetime:
        """Take a snapshot of each of these; return the moment."""
        at = datetime.now(UTC)
        async with self.pool.acquire() as connection:
            self.taken += [(at, await subscription_document(connection, one)) for one in ids]
        return at

    async def differing(self) -> list[tuple[Document, Document]]:
        """Return each snapshot with what is shown of its moment, if they differ."""
        found = []
        async with self.pool.acquire() as connection:
            for at, then in self.taken:
                shown = await as_it_was(connection, UUID(then["subscription_id"]), at)
                expected = then | {"in_use_by": None, "at": shown["at"], "remarks": shown["remarks"]}
                found += [(expected, shown)] if shown != expected else []
        return found


@pytest.fixture
def snapshots(pool: Pool) -> Snapshots:
    return Snapshots(pool)


async def shown(processes: Processes, wanted: UUID, at: datetime) -> Document:
    async with processes.pool.acquire() as connection:
        return await as_it_was(connection, wanted, at)


async def done(processes: Processes, workflow: str, wanted: UUID, **fields: object) -> Handle:
    handle = await processes.start(workflow, wanted, **fields)
    await processes.until_closed(handle)
    return handle


async def test_every_moment_of_two_lives_is_shown_as_it_was(
    worker: None, starter: Starter, processes: Processes, groups: FakeGroupManagement, snapshots: Snapshots
) -> None:
    first, second = await processes.active_group("First"), await processes.active_group("Second")
    user = await processes.active_user(first, "alice", age=42)
    ids = (first, second, user)
    await snapshots.take(*ids)
    await done(processes, "modify_user", user, username="bob", age=None)
    await snapshots.take(*ids)
    await done(processes, "modify_user_group", first, group_name="Renamed")
    await snapshots.take(*ids)
    await starter("note", str(user), "moves")
    await done(processes, "modify_user", user, group=str(second))
    await snapshots.take(*ids)
    await done(processes, "validate_user", user)
    await starter("note", str(user), "--clear")
    await done(processes, "modify_user_group", second, group_name="Second")  # changes nothing
    await snapshots.take(*ids)
    await groups.system.tamper(second, {"group_name": "Elsewhere"})
    await done(processes, "validate_user_group", second)
    await snapshots.take(*ids)
    await groups.system.tamper(second, {"group_name": "Second"})
    await done(processes, "validate_user_group", second)
    await snapshots.take(*ids)
    await done(processes, "terminate_user", user)
    await done(processes, "terminate_user_group", first)
    await snapshots.take(*ids)
    assert len(snapshots.taken) == 24
    assert await snapshots.differing() == []


async def test_a_discrepancy_is_shown_until_it_is_set_in_sync(
    worker: None, processes: Processes, groups: FakeGroupManagement, snapshots: Snapshots
) -> None:
    group = await processes.active_group("Here")
    await groups.system.tamper(group, {"group_name": "There"})
    await done(processes, "validate_user_group", group)
    await snapshots.take(group)
    await groups.system.order(Fault(kind="slow", seconds=2, times=1))
    again = await processes.start("validate_user_group", group)
    await processes.until_step(again, "check_user_group")
    await again.cancel()
    await processes.until_closed(again)
    await snapshots.take(group)
    await unlock(processes, [groups.system], group)
    await snapshots.take(group)
    await done(processes, "terminate_user_group", group)
    assert [bool(then["discrepancy_found_by"]) for _, then in snapshots.taken] == [True, True, False]
    assert await snapshots.differing() == []


async def test_a_moment_of_work_shows_what_was_before_and_says_so(
    worker: None, processes: Processes, groups: FakeGroupManagement, snapshots: Snapshots
) -> None:
    group = await processes.active_group("Before")
    await groups.system.order(Fault(kind="reject", name="After"))
    handle = await processes.start("modify_user_group", group, group_name="After")
    await processes.until_parked(handle)
    parked = await snapshots.take(group)
    await groups.system.clear_faults()
    await processes.retry(handle)
    await handle.result()
    after = await snapshots.take(group)
    was = await shown(processes, group, parked)
    assert await snapshots.differing() == []
    assert (was["held_by"], was["user_group"]["group_name"], was["version"]) == (handle.id, "Before", 1)
    assert was["remarks"][0].startswith(f"{handle.id} was working on it: shown is what it was before")
    assert (await shown(processes, group, after))["remarks"] == []


async def test_an_aborted_modify_leaves_no_trace_of_its_values(
    worker: None, processes: Processes, groups: FakeGroupManagement, snapshots: Snapshots
) -> None:
    group = await processes.active_group("Before")
    await snapshots.take(group)
    await groups.system.order(Fault(kind="reject", name="After"))
    handle = await processes.start("modify_user_group", group, group_name="After")
    await processes.until_parked(handle)
    await handle.cancel()
    await processes.until_closed(handle)
    await snapshots.take(group)
    await done(processes, "modify_user_group", group, group_name="Later")
    assert await snapshots.differing() == []


async def test_what_a_person_set_in_sync_is_shown_with_a_remark(
    worker: None, processes: Processes, groups: FakeGroupManagement, snapshots: Snapshots
) -> None:
    handle, group = await lost_holder(processes, groups)
    lost = await snapshots.take(group)
    await unlock(processes, [groups.system], group)
    mended = await snapshots.take(group)
    await done(processes, "modify_user_group", group, group_name="Later")
    assert await snapshots.differing() == []
    assert f"{handle.id} was working on it" in (await shown(processes, group, lost))["remarks"][0]
    [remark] = (await shown(processes, group, mended))["remarks"]
    assert remark.startswith(f"{handle.id} had ended without unlocking it, and a person had set it in sync")


async def test_a_remark_on_the_group_of_a_user_names_it(
    worker: None, processes: Processes, groups: FakeGroupManagement, snapshots: Snapshots
) -> None:
    group = await processes.active_group("Before")
    user = await processes.active_user(group)
    await groups.system.order(Fault(kind="reject", name="After"))
    handle = await processes.start("modify_user_group", group, group_name="After")
    await processes.until_parked(handle)
    at = await snapshots.take(user)
    await handle.cancel()
    await processes.until_closed(handle)
    assert await snapshots.differing() == []
    assert (await shown(processes, user, at))["remarks"][0].startswith(f"group: {handle.id} was working")


async def test_before_and_during_its_creation_it_was_not_there(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    before = datetime.now(UTC)
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle = await processes.create_user_group("Reserved")
    await processes.until_parked(handle)
    wanted, during = processes.subscription_id(handle), datetime.now(UTC)
    with pytest.raises(NotThereYet, match=f"{handle.id} was creating it, and is still at it"):
        await shown(processes, wanted, during)
    await groups.system.clear_faults()
    await processes.retry(handle)
    await handle.result()
    with pytest.raises(NotThereYet, match="it was created at 20"):
        await shown(processes, wanted, before)
    with pytest.raises(NotThereYet, match=f"{handle.id} was creating it, and held it until 20"):
        await shown(processes, wanted, during)
    assert (await shown(processes, wanted, datetime.now(UTC)))["status"] == "active"


async def test_an_outage_is_shown_by_the_clock_of_the_workflow(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    """The modify waits for hours, which are skipped."""
    group = await processes.active_group("Before")
    began = datetime.now(UTC)
    await groups.system.order(Fault(kind="unreachable", times=20))
    handle = await processes.start("modify_user_group", group, group_name="After")
    await handle.result()
    row = await processes.row(handle)
    assert row is not None
    assert row.ended_at is not None
    assert row.ended_at - began > timedelta(hours=1)
    during = await shown(processes, group, began + timedelta(hours=1))
    after = await shown(processes, group, row.ended_at)
    assert (during["held_by"], during["user_group"]["group_name"]) == (handle.id, "Before")
    assert (after["held_by"], after["user_group"]["group_name"], after["version"]) == (None, "After", 2)


async def test_a_lock_that_came_late_is_after_the_one_that_overtook_it(
    worker: None, processes: Processes, pool: Pool
) -> None:
    """A step that begins, fails for an hour and then locks has a time from before the others' steps."""
    group = await processes.active_group("A")
    overtaking = await done(processes, "modify_user_group", group, group_name="B")
    late = await done(processes, "modify_user_group", group, group_name="C")
    await pool.execute(
        """
        UPDATE process_steps
        SET committed_at = (SELECT committed_at FROM process_steps WHERE process_id = $1 AND step = 'unsync')
            - interval '1 ms'
        WHERE process_id = $2 AND step = 'unsync'
        """,
        overtaking.id,
        late.id,
    )
    row = await processes.row(overtaking)
    assert row is not None
    was = await shown(processes, group, row.started_at)
    assert (was["user_group"]["group_name"], was["version"]) == ("A", 1)


@pytest.mark.parametrize(
    ("at", "code", "complaint"),
    [
        ("yesterday", 2, "is not a time"),
        ("2026-02-30", 2, "is not a time"),
        ("99999999d", 2, "is not a time"),
        ("0001-01-01T00:00+14:00", 2, "is not a time"),
        ("2999-01-01", 2, "lies in the future"),
        ("1999-12-31", 1, "was not there at 1999-12-31 00:00:00 UTC: it was created at"),
        ("1999-12-31T12:00:00+02:00", 1, "was not there at 1999-12-31 10:00:00 UTC"),
        ("9000d", 1, "was not there"),
    ],
)
async def test_a_moment_that_cannot_be_is_refused(
    worker: None, starter: Starter, processes: Processes, at: str, code: int, complaint: str
) -> None:
    ended = await starter("subscription", str(await processes.active_group()), "--at", at)
    assert ended.code == code
    assert complaint in ended.stderr


async def test_an_image_of_an_older_release_is_shown_nevertheless(
    worker: None, processes: Processes, snapshots: Snapshots
) -> None:
    """Its values need not fit the models of this release."""
    group = await processes.active_group("Before")
    at = await snapshots.take(group)
    handle = await done(processes, "modify_user_group", group, group_name="After")
    await processes.pool.execute(
        """
        UPDATE processes
        SET before_image = jsonb_set(before_image #- '{user_group,group_id}', '{user_group,colour}', '"red"')
        WHERE process_id = $1
        """,
        handle.id,
    )
    was = await shown(processes, group, at)
    assert was["user_group"] == {"group_name": "Before", "colour": "red"}
