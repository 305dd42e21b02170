"""The trail says who started, retried and aborted a process, when, and how it stands."""

import pytest

from orchestrator.database.processes import TrailEvent, TrailRow
from orchestrator.domain.errors import ProcessAlreadyExists
from orchestrator.domain.process import Event, ProcessStatus
from tests.activities.stepwise import BACKWARD, FORWARD, Stepwise
from tests.examples import START


async def trail(creation: Stepwise) -> TrailRow:
    row = await creation.trail()
    assert row is not None
    return row


async def test_the_first_step_writes_who_started_the_process_and_why_and_when(creation: Stepwise) -> None:
    await creation.through("create_subscription")
    row = await trail(creation)
    assert (row.workflow, row.target) == ("create_user_group", "CREATE")
    assert (row.created_by, row.reason, row.started_at) == ("alice", "a new team", START)


@pytest.mark.parametrize("step", FORWARD[:-1] + BACKWARD[:-1])
async def test_a_process_runs_until_its_last_step(creation: Stepwise, step: str) -> None:
    await creation.through(step)
    row = await trail(creation)
    assert (row.status, row.last_step) == (ProcessStatus.RUNNING, step)
    assert (row.ended_at, row.failed_reason) == (None, None)


@pytest.mark.parametrize(
    ("last_step", "status"),
    [("resync", ProcessStatus.COMPLETED), ("roll_back: resync", ProcessStatus.ABORTED)],
)
async def test_the_last_step_closes_the_process_at_the_moment_of_the_workflow(
    creation: Stepwise, last_step: str, status: ProcessStatus
) -> None:
    await creation.through(last_step)
    row = await trail(creation)
    assert (row.status, row.last_step) == (status, last_step)
    assert (row.ended_at, row.failed_reason) == (creation.now, None)


async def test_a_parked_process_has_failed_with_a_step_and_a_reason_and_is_open(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    await creation.record("parked")
    row = await trail(creation)
    assert (row.status, row.last_step) == (ProcessStatus.FAILED, "provision_user_group")
    assert (row.failed_reason, row.ended_at) == ("rejected", None)


async def test_a_retried_process_runs_again_without_the_old_reason(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    await creation.record("parked")
    await creation.record("retried")
    row = await trail(creation)
    assert (row.status, row.last_step) == (ProcessStatus.RUNNING, "provision_user_group")
    assert (row.failed_reason, row.ended_at) == (None, None)


async def test_a_process_that_was_parked_ends_like_any_other(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    await creation.record("parked")
    await creation.record("retried")
    for step in ("provision_user_group", "set_status", "resync"):
        await creation.step(step)
    row = await trail(creation)
    assert (row.status, row.failed_reason, row.ended_at) == (ProcessStatus.COMPLETED, None, creation.now)


async def test_events_say_who_did_what_and_why_at_the_moment_of_the_workflow(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    await creation.record("parked")
    parked_at = creation.now
    await creation.record("retried")
    step = "provision_user_group"
    assert await creation.events() == [
        TrailEvent(event="parked", step=step, by=None, reason="rejected", at=parked_at),
        TrailEvent(event="retried", step=step, by="carol", reason="name freed", at=creation.now),
    ]


async def test_an_abort_is_an_event_with_its_reason_at_the_moment_of_the_workflow(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    await creation.begin_roll_back("provision_user_group")
    assert await creation.events() == [
        TrailEvent(
            event="abort requested",
            step="provision_user_group",
            by=None,
            reason="bob: wrong name",
            at=creation.now,
        )
    ]


@pytest.mark.parametrize("event", ["parked", "retried"])
async def test_an_event_recorded_twice_is_one(creation: Stepwise, event: Event) -> None:
    await creation.through("initialize_subscription")
    await creation.record(event)
    before = await creation.footprint()

    await creation.record(event)

    assert [recorded.event for recorded in await creation.events()] == [event]
    assert await creation.footprint() == before


async def test_a_process_that_parks_again_has_another_event(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    await creation.record("parked", number=1)
    await creation.record("retried", number=1)
    await creation.record("parked", number=2)
    assert [event.event for event in await creation.events()] == ["parked", "retried", "parked"]
    assert (await trail(creation)).status is ProcessStatus.FAILED


async def test_events_are_told_in_the_order_in_which_they_happened(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    for number in (1, 2):
        await creation.record("parked", number)
        await creation.record("retried", number)
    await creation.begin_roll_back()
    told = [event.event for event in await creation.events()]
    assert told == ["parked", "retried", "parked", "retried", "abort requested"]


async def test_an_event_that_is_repeated_late_does_not_park_the_process_again(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    await creation.record("parked")
    await creation.record("retried")
    before = await creation.footprint()

    await creation.record("parked")

    assert await creation.footprint() == before


async def test_an_event_that_is_repeated_after_the_end_leaves_the_process_ended(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    await creation.record("parked")
    await creation.record("retried")
    for step in ("provision_user_group", "set_status", "resync"):
        await creation.step(step)
    before = await creation.footprint()

    await creation.record("retried")

    assert await creation.footprint() == before


@pytest.mark.parametrize("status", [ProcessStatus.REFUSED, ProcessStatus.FAILED, ProcessStatus.ABORTED])
async def test_a_process_can_end_without_its_last_step(creation: Stepwise, status: ProcessStatus) -> None:
    await creation.end(status, "Subscription not found")
    row = await trail(creation)
    assert (row.status, row.ended_at) == (status, creation.now)
    assert (row.failed_reason, row.last_step) == ("Subscription not found", "create_subscription")


async def test_a_process_that_ended_without_its_last_step_goes_on_holding_its_subscription(
    creation: Stepwise,
) -> None:
    held = await creation.through("initialize_subscription")
    await creation.end(ProcessStatus.FAILED, "given up")
    assert await creation.step("initialize_subscription") == held
    row = await creation.subscription_row()
    assert row is not None
    assert row["held_by"] == creation.process_id


@pytest.mark.parametrize("act", ["record", "end"])
async def test_another_execution_under_the_same_process_id_writes_nothing_into_the_trail(
    creation: Stepwise, namesake: Stepwise, act: str
) -> None:
    await creation.through("initialize_subscription")
    before = await creation.footprint()

    with pytest.raises(ProcessAlreadyExists, match="already exists"):
        await (namesake.record("parked") if act == "record" else namesake.end(ProcessStatus.REFUSED))
    assert await creation.footprint() == before
