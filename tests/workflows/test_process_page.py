"""The process page says how each step stands, what happened, and what to do next."""

import pytest
from temporalio.client import WorkflowFailureError

from orchestrator.domain.process import ProcessStatus
from orchestrator.process import frame
from orchestrator.process.details import INTERRUPTED, PARKED, RUNNING, STOPPED
from orchestrator.process.forms import RetryNote
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import CreateHandle, Handle, Processes, eventually


async def ended(processes: Processes, handle: Handle) -> str:
    """Return the page of a process that fails."""
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    return await processes.details(handle)


async def parked(processes: Processes, groups: FakeGroupManagement) -> CreateHandle:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle = await processes.create_user_group("Reserved")
    await processes.until_parked(handle)
    return handle


async def test_a_refused_process_shows_no_running_step(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group()
    await processes.active_user(group_id)
    page = await ended(processes, await processes.start("terminate_user_group", group_id))
    assert STOPPED[ProcessStatus.REFUSED] in page
    assert RUNNING not in page


async def test_a_process_without_product_shows_no_running_step(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group()
    page = await ended(processes, await processes.create_user(group_id, product="No such product"))
    assert page.count(PARKED) == 1
    assert RUNNING not in page


async def test_an_abort_during_retries_interrupts_the_step(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="unreachable", times=1))
    handle = await processes.create_user_group()
    await eventually(lambda: is_retrying(handle))
    await handle.cancel()
    page = await ended(processes, handle)
    assert page.count(INTERRUPTED) == 1
    assert RUNNING not in page


async def is_retrying(handle: Handle) -> bool | None:
    pending = (await handle.describe()).raw_description.pending_activities
    return any(one.attempt > 1 for one in pending) or None


async def test_a_retry_that_fails_again_shows_who_and_how_often(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked(processes, groups)
    first = await processes.details(handle)
    await processes.retry(handle, by="bob", reason="name freed")
    await processes.until_parked(handle, times=2)
    again = await processes.details(handle)
    assert "Parked since 20" in first
    assert "It has failed" not in first
    assert "It has failed 2 times. Retried by bob: name freed, 20" in again


async def test_a_running_retry_shows_who_has_retried(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked(processes, groups)
    await groups.system.clear_faults()
    await groups.system.order(Fault(kind="slow", seconds=2, times=1))
    await processes.retry(handle, by="bob", reason="name freed")
    page = await processes.details(handle)
    await handle.result()
    assert "Retried by bob: name freed, 20" in page
    assert RUNNING in page
    assert "Retried by bob" in await processes.details(handle)  # the page of a completed process keeps it


async def test_a_process_that_was_given_up_says_what_to_do(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked(processes, groups)
    await handle.cancel()
    await groups.system.order(Fault(kind="reject"))
    await processes.until_parked(handle, times=2)
    await processes.give_up(handle)
    assert f"`set-in-sync {processes.subscription_id(handle)}`" in await ended(processes, handle)


def changes(page: str) -> list[list[str]]:
    """Return the rows of the table of changes on a page, with its head; empty if it has none."""
    lines = [line for line in page.replace("\xa0", "").splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in rows if len(row) == 3 and row[0] != "---"]


async def parked_modify(processes: Processes, groups: FakeGroupManagement) -> Handle:
    group_id = await processes.active_group("Before")
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle = await processes.start("modify_user_group", group_id, group_name="Reserved")
    await processes.until_parked(handle)
    return handle


async def test_a_modify_shows_what_was_and_what_is(worker: None, processes: Processes) -> None:
    before, after = await processes.active_group("a"), await processes.active_group("b")
    user_id = await processes.active_user(before, "al|ice", age=42)
    fields = {"username": "bob", "age": None, "group": str(after)}
    handle = await processes.start("modify_user", user_id, **fields)
    await handle.result()
    assert changes((await processes.details(handle)).replace("\\|", "!")) == [
        ["Value", "Before", "After"],
        ["username", "al!ice", "bob"],
        ["age", "42", "-"],
        ["group", str(before), str(after)],
    ]


async def test_the_changes_of_a_modify_are_above_its_steps(worker: None, processes: Processes) -> None:
    """The Web UI shows the page in half of its width, so its end is below the window."""
    handle = await processes.start("modify_user_group", await processes.active_group("a"), group_name="b")
    await handle.result()
    page = await processes.details(handle)
    assert page.index("Before") < page.index("Started")


async def test_a_modify_without_a_change_says_so(worker: None, processes: Processes) -> None:
    handle = await processes.start("modify_user_group", await processes.active_group("a"), group_name="a")
    await handle.result()
    assert "The subscription has these values already." in await processes.details(handle)


async def test_a_corrected_modify_shows_the_corrected_value(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked_modify(processes, groups)
    first = changes(await processes.details(handle))
    await handle.execute_update("retry", RetryNote(values={"group_name": "Corrected"}))
    await handle.result()
    assert first[1:] == [["group\\_name", "Before", "Reserved"]]
    assert changes(await processes.details(handle))[1:] == [["group\\_name", "Before", "Corrected"]]


async def test_an_aborted_modify_shows_what_was_asked_for(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked_modify(processes, groups)
    await handle.cancel()
    assert changes(await ended(processes, handle)) == [
        ["Value", "Before", "Asked for"],
        ["group\\_name", "Before", "Reserved"],
    ]


async def test_what_was_before_survives_a_new_run(
    worker: None, processes: Processes, groups: FakeGroupManagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame, "LONGEST_HISTORY", 1)
    handle = await parked_modify(processes, groups)
    run = await eventually(lambda: processes.next_run(handle))
    assert changes(await processes.details(run))[1:] == [["group\\_name", "Before", "Reserved"]]
    await groups.system.clear_faults()
    await processes.retry(processes.latest(handle))
    await processes.latest(handle).result()
    shown = changes(await processes.details(processes.latest(handle)))
    assert shown[1:] == [["group\\_name", "Before", "Reserved"]]


async def test_only_a_modify_that_holds_shows_changes(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group()
    create = await processes.create_user(group_id)
    await create.result()
    refused = await processes.start("modify_user_group", group_id, group_name="x", version=7)
    validate = await processes.start("validate_user_group", group_id)
    await validate.result()
    await processes.until_closed(refused)
    pages = [await processes.details(handle) for handle in (create, refused, validate)]
    assert [changes(page) for page in pages] == [[], [], []]
