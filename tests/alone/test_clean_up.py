"""Clean-up folds successful validations and drops results, and what was cleaned up never runs again."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from temporalio.client import WorkflowHandle

from orchestrator.database import process_lists, retention
from orchestrator.database.connection import Connection, Pool, transaction
from orchestrator.database.process_lists import FailedKind
from orchestrator.database.processes import TrailEvent, append_event
from orchestrator.database.retention import ValidationSummary
from orchestrator.domain.process import ProcessStatus
from orchestrator.operations.clean_up import PAGES, CleanedUp, CleanUp, CleanUpForm
from orchestrator.temporal import search_attributes
from services.fake_group_management import FakeGroupManagement
from services.fake_system import FakeSystem, Fault
from tests.mending import lost_holder, parked, unlock
from tests.processes import Handle, Processes

CleanUpHandle = WorkflowHandle[CleanUp, CleanedUp]
MONTH, DAY = timedelta(days=30), timedelta(days=1)
PAGE = "orchestrator.operations.clean_up_activities.PAGE"


async def start(
    processes: Processes, days: int | None = None, *, after: timedelta = MONTH + DAY
) -> CleanUpHandle:
    """Start clean-up a day and a month from now, by its own clock."""
    return await processes.client.start_workflow(
        CleanUp.run,
        CleanUpForm(by="alice", reason="disk is full", days=days),
        id=f"clean_up-{uuid4()}",
        task_queue=processes.task_queue,
        start_delay=after,
    )


async def clean_up(processes: Processes) -> tuple[int, int, int]:
    """Clean up; return how much was folded, dropped and deleted."""
    done = await (await start(processes)).result()
    return done.folded, done.dropped, done.findings


async def validated(processes: Processes, subscription_id: UUID, times: int = 1) -> list[Handle]:
    handles = []
    for _ in range(times):
        handle = await processes.start("validate_user_group", subscription_id)
        await processes.until_closed(handle)
        handles.append(handle)
    return handles


async def summary(pool: Pool, subscription_id: UUID) -> ValidationSummary | None:
    async with pool.acquire() as connection:
        return await retention.read_summary(connection, subscription_id)


async def results(pool: Pool, handle: Handle) -> dict[str, bool]:
    """Return whether each step of the process still has its result."""
    rows = await pool.fetch(
        "SELECT step, result IS NOT NULL AS there FROM process_steps WHERE process_id = $1", handle.id
    )
    return {row["step"]: row["there"] for row in rows}


async def count(pool: Pool, table: str) -> int:
    number: int = await pool.fetchval(f"SELECT count(*) FROM {table}")
    return number


async def test_a_successful_validation_becomes_a_summary(
    worker: None, processes: Processes, pool: Pool
) -> None:
    group_id = await processes.active_group()
    rows = [await processes.row(one) for one in await validated(processes, group_id, 3)]
    ended = [row.ended_at for row in rows if row is not None and row.ended_at is not None]
    assert await clean_up(processes) == (3, 1, 0)
    assert await summary(pool, group_id) == ValidationSummary(ended[0], ended[2], 3)
    assert (await count(pool, "processes"), await count(pool, "process_steps")) == (1, 6)
    assert (await processes.read(group_id)).insync


async def test_what_ended_within_the_retention_stays(worker: None, processes: Processes, pool: Pool) -> None:
    await validated(processes, await processes.active_group())
    done = await (await start(processes, days=40)).result()
    assert (done.folded, done.dropped, await count(pool, "processes")) == (0, 0, 2)
    assert await count(pool, "process_steps WHERE result IS NULL") == 0


async def test_what_says_more_than_a_count_is_not_folded(
    worker: None, processes: Processes, groups: FakeGroupManagement, pool: Pool
) -> None:
    group_id = await processes.active_group("Here")
    await groups.system.tamper(group_id, {"group_name": "There"})
    (different,) = await validated(processes, group_id)
    await groups.system.tamper(group_id, {"group_name": "Here"})
    repaired, acted_on = await validated(processes, group_id, 2)
    note = TrailEvent(event="set in sync", step=None, by="bob", reason="looked", at=await ended(processes))
    async with transaction(pool) as connection:
        await append_event(connection, acted_on.id, note)
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    await processes.until_parked(await processes.start("modify_user_group", group_id, group_name="Reserved"))
    (refused,) = await validated(processes, group_id)
    assert await clean_up(processes) == (0, 5, 0)
    rows = [await processes.row(one) for one in (different, repaired, acted_on, refused)]
    assert [row and row.status for row in rows] == ["failed", "completed", "completed", "refused"]
    assert await summary(pool, group_id) is None


async def ended(processes: Processes) -> datetime:
    last: datetime = await processes.pool.fetchval("SELECT max(ended_at) FROM processes")
    return last


async def test_a_discrepancy_is_listed_after_clean_up(
    worker: None, processes: Processes, groups: FakeGroupManagement, pool: Pool
) -> None:
    group_id = await processes.active_group()
    await groups.system.tamper(group_id, None)
    (different,) = await validated(processes, group_id)
    await clean_up(processes)
    async with pool.acquire() as connection:
        listed = await process_lists.list_processes(connection, status=FailedKind.DISCREPANCY)
    assert [row.process_id for row in listed] == [different.id]
    assert (await processes.read(group_id)).discrepancy_found_by == different.id


async def test_open_parked_and_lost_processes_are_not_touched(
    worker: None, processes: Processes, groups: FakeGroupManagement, pool: Pool
) -> None:
    lost, _ = await lost_holder(processes, groups)
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    waiting, _ = await parked(processes, "create_user_group")
    await clean_up(processes)
    assert all((await results(pool, lost) | await results(pool, waiting)).values())
    await groups.system.clear_faults()
    await processes.retry(waiting)
    assert (await waiting.result()).insync


async def test_what_a_given_up_process_holds_can_be_set_in_sync(
    worker: None, processes: Processes, groups: FakeGroupManagement, systems: list[FakeSystem], pool: Pool
) -> None:
    await groups.system.order(Fault(kind="reject"))
    holder, group_id = await parked(processes, "create_user_group")
    await holder.cancel()
    await processes.until_parked(holder, times=2)
    await processes.give_up(holder)
    await processes.until_closed(holder)
    await groups.system.clear_faults()
    await clean_up(processes)
    assert (await results(pool, holder))["end_process"]
    assert not (await results(pool, holder))["create_subscription"]
    await unlock(processes, systems, group_id)
    assert (await processes.read(group_id)).insync


async def test_old_findings_are_deleted(
    worker: None, processes: Processes, groups: FakeGroupManagement, pool: Pool
) -> None:
    await groups.system.tamper(await processes.active_group(), None)
    handle = await processes.client.start_workflow(
        "validate_subscriptions", {}, id=f"validate-{uuid4()}", task_queue=processes.task_queue
    )
    await handle.result()
    assert await count(pool, "validation_findings") == 1
    assert await clean_up(processes) == (0, 2, 1)
    assert await count(pool, "validation_findings") == 0


async def test_a_reset_of_a_cleaned_up_process_ends_with_an_error(
    worker: None, processes: Processes, groups: FakeGroupManagement, pool: Pool
) -> None:
    handle = await processes.create_user_group()
    created, row = await handle.result(), await processes.row(handle)
    await clean_up(processes)
    changes = await groups.system.changes()
    await processes.reset(handle)
    assert "ended long ago and was cleaned up" in await processes.failure(processes.latest(handle))
    assert await processes.read(created.subscription_id) == created
    assert (await processes.row(handle), await groups.system.changes()) == (row, changes)
    assert "cleaned up" in await processes.details(processes.latest(handle))


async def test_a_folded_validation_that_is_reset_is_a_new_one(
    worker: None, processes: Processes, pool: Pool
) -> None:
    group_id = await processes.active_group()
    (handle,) = await validated(processes, group_id)
    await clean_up(processes)
    await processes.reset(handle)
    await processes.latest(handle).result()
    found = await summary(pool, group_id)
    assert found is not None
    assert (found.validations, await count(pool, "processes WHERE target = 'VALIDATE'")) == (1, 1)
    assert (await processes.read(group_id)).insync


async def test_two_clean_ups_at_once_count_everything_once(
    worker: None, processes: Processes, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PAGE, 1)
    group_id = await processes.active_group()
    await validated(processes, group_id, 6)
    both = [await start(processes) for _ in range(2)]
    done = await asyncio.gather(*(one.result() for one in both))
    found = await summary(pool, group_id)
    assert found is not None
    assert found.validations == sum(one.folded for one in done) == 6
    assert await count(pool, "processes") == 1


async def test_clean_up_does_not_wait_for_a_step(worker: None, processes: Processes, pool: Pool) -> None:
    group_id = await processes.active_group()
    at_work, _ = await validated(processes, group_id, 2)
    async with transaction(pool) as connection:
        await connection.execute("SELECT FROM processes WHERE process_id = $1 FOR UPDATE", at_work.id)
        assert await clean_up(processes) == (1, 1, 0)
    assert await clean_up(processes) == (1, 0, 0)


async def test_clean_up_continues_as_new_page_by_page(
    worker: None, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PAGE, 1)
    await validated(processes, await processes.active_group(), PAGES)
    handle = await start(processes)
    done = await handle.result()
    assert (done.folded, done.dropped) == (PAGES, 1)
    assert (await processes.latest(handle).describe()).run_id != handle.first_execution_run_id


async def test_a_page_that_fails_half_way_is_done_once(
    worker: None, processes: Processes, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    group_id = await processes.active_group()
    await validated(processes, group_id, 2)
    failing, delete = iter(range(2)), retention.delete_findings

    async def fail_or_delete(connection: Connection, *arguments: object) -> int:
        if next(failing, None) is not None:
            raise ConnectionResetError("PostgreSQL is away")
        return await delete(connection, *arguments)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(retention, "delete_findings", fail_or_delete)
    assert await clean_up(processes) == (2, 1, 0)
    found = await summary(pool, group_id)
    assert found is not None
    assert found.validations == 2


async def test_an_aborted_clean_up_has_done_whole_pages(
    worker: None, processes: Processes, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PAGE, 1)
    group_id = await processes.active_group()
    await validated(processes, group_id, 2)
    async with transaction(pool) as connection:
        await connection.execute("LOCK TABLE validation_findings IN ACCESS EXCLUSIVE MODE")
        handle = await start(processes)
        await processes.until_step(handle, "clean_up_page")
        await handle.cancel()
    await processes.until_closed(handle)
    attributes = (await handle.describe()).typed_search_attributes
    assert attributes.get(search_attributes.PROCESS_STATUS) == ProcessStatus.ABORTED
    assert await count(pool, "processes WHERE cleaned_up_at IS NOT NULL") == 1
    assert await clean_up(processes) == (2, 0, 0)


async def test_its_page_says_what_was_done(worker: None, processes: Processes) -> None:
    await validated(processes, await processes.active_group())
    handle = await start(processes)
    done = await handle.result()
    shown = await processes.details(handle)
    assert f"Of what ended before {done.before:%Y-%m-%d %H:%M} UTC" in shown
    assert "Run by alice: disk is full" in shown
    assert "1 validations folded, results of 1 processes dropped, 0 findings deleted" in shown
    attributes = (await handle.describe()).typed_search_attributes
    assert attributes.get(search_attributes.PROCESS_STATUS) == ProcessStatus.COMPLETED
