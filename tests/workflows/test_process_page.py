"""The process page says how each step stands, what happened, and what to do next."""

import pytest
from temporalio.client import WorkflowFailureError

from orchestrator.domain.process import ProcessStatus
from orchestrator.process.details import INTERRUPTED, PARKED, RUNNING, STOPPED
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
