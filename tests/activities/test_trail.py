"""The trail records who started, retried and aborted a process, when, and its status."""

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


async def test_the_first_step_stores_who_started_why_and_when(creation: Stepwise) -> None:
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
async def test_the_last_step_ends_the_process_at_workflow_time(
    creation: Stepwise, last_step: str, status: ProcessStatus
) -> None:
    await creation.through(last_step)
    row = await trail(creation)
    assert (row.status, row.last_step) == (status, last_step)
    assert (row.ended_at, row.failed_reason) == (creation.now, None)


async def test_a_parked_process_is_failed_and_open(creation: Stepwise) -> None:
    """It has the step and the reason, and no end."""
    await creation.through("initialize_subscription")
    await creation.record("parked")
    row = await trail(creation)
    assert (row.status, row.last_step) == (ProcessStatus.FAILED, "provision_user_group")
    assert (row.failed_reason, row.ended_at) == ("rejected", None)


async def test_a_retried_process_runs_and_loses_the_old_reason(creation: Stepwise) -> None:
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


async def test_events_say_who_did_what_when_and_why(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    await creation.record("parked")
    parked_at = creation.now
    await creation.record("retried")
    step = "provision_user_group"
    assert await creation.events() == [
        TrailEvent(event="parked", step=step, by=None, reason="rejected", at=parked_at),
        TrailEvent(event="retried", step=step, by="carol", reason="name freed", at=creation.now),
    ]


async def test_an_abort_is_an_event_with_reason_and_time(creation: Stepwise) -> None:
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


async def test_a_second_parking_is_a_second_event(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    await creation.record("parked", number=1)
    await creation.record("retried", number=1)
    await creation.record("parked", number=2)
    assert [event.event for event in await creation.events()] == ["parked", "retried", "parked"]
    assert (await trail(creation)).status is ProcessStatus.FAILED


async def test_events_are_listed_in_their_order(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    for number in (1, 2):
        await creation.record("parked", number)
        await creation.record("retried", number)
    await creation.begin_roll_back()
    told = [event.event for event in await creation.events()]
    assert told == ["parked", "retried", "parked", "retried", "abort requested"]


async def test_a_repeated_event_does_not_park_the_process_again(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    await creation.record("parked")
    await creation.record("retried")
    before = await creation.footprint()

    await creation.record("parked")

    assert await creation.footprint() == before


async def test_a_repeated_event_leaves_an_ended_process_ended(creation: Stepwise) -> None:
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


async def test_a_process_that_ended_early_still_holds_the_subscription(
    creation: Stepwise,
) -> None:
    held = await creation.through("initialize_subscription")
    await creation.end(ProcessStatus.FAILED, "given up")
    assert await creation.step("initialize_subscription") == held
    row = await creation.subscription_row()
    assert row is not None
    assert row["held_by"] == creation.process_id


@pytest.mark.parametrize("act", ["record", "end"])
async def test_another_execution_writes_nothing_into_the_trail(
    creation: Stepwise, namesake: Stepwise, act: str
) -> None:
    await creation.through("initialize_subscription")
    before = await creation.footprint()

    with pytest.raises(ProcessAlreadyExists, match="already exists"):
        await (namesake.record("parked") if act == "record" else namesake.end(ProcessStatus.REFUSED))
    assert await creation.footprint() == before
