"""A step that keeps failing for a passing reason is shown: what waits can be searched, and says why."""

from datetime import timedelta

from temporalio.api.enums.v1 import EventType

from orchestrator.domain.subscription import Status
from orchestrator.temporal import search_attributes
from orchestrator.temporal.waiting import TOLD_AT, Waiting
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import Handle, Processes, eventually

SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
UPSERTED = EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES


async def status(handle: Handle) -> str | None:
    return (await handle.describe()).typed_search_attributes.get(search_attributes.PROCESS_STATUS)


async def is_waiting(handle: Handle) -> bool | None:
    return await status(handle) == "waiting" or None


async def count(handle: Handle, event_type: EventType.ValueType) -> int:
    return [event.event_type for event in (await handle.fetch_history()).events].count(event_type)


async def test_an_outage_is_shown_as_waiting_until_it_is_over(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="unreachable"))
    handle = await processes.create_user_group("Network operators")
    await eventually(lambda: is_waiting(handle))
    row, page = await processes.row(handle), await processes.details(handle)
    await groups.system.clear_faults()
    await handle.result()
    assert row is not None
    assert row.status == "running"
    assert 'Create user group "Network operators": waiting' in page
    assert "**Provision user group** waits since 20" in page
    assert "group\\_management cannot be reached" in page
    assert await status(handle) == "completed"
    assert "waits" not in await processes.details(handle)


async def test_two_failed_attempts_are_no_outage(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="unreachable", times=2))
    handle = await processes.create_user_group()
    await handle.result()
    assert await count(handle, SIGNALED) == 0


async def test_an_outage_of_a_day_makes_few_events(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    attempts = 150  # at most ten minutes apart
    await groups.system.order(Fault(kind="unreachable", times=attempts))
    handle = await processes.create_user_group()
    assert (await handle.result()).status is Status.ACTIVE
    description = await handle.describe()
    assert description.close_time is not None
    assert description.close_time - description.start_time > timedelta(hours=20)
    assert await count(handle, SIGNALED) == sum(one <= attempts for one in TOLD_AT)
    assert await count(handle, UPSERTED) < 6


async def test_a_late_signal_changes_nothing(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle = await processes.create_user_group("Reserved")
    await processes.until_parked(handle)
    late = Waiting(activity="provision_user_group", attempt=3, reason="away")
    await handle.signal("waiting", late)
    assert "waits since" not in await processes.details(handle)
    assert await status(handle) == "failed"


async def test_an_abort_ends_the_waiting(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="unreachable", times=4))
    handle = await processes.create_user_group()
    await eventually(lambda: is_waiting(handle))
    await handle.cancel()
    await processes.until_closed(handle)
    assert await status(handle) == "aborted"
    assert "waits since" not in await processes.details(handle)
