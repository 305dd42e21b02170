"""A step that arrives after its process was cleaned up changes nothing."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.database import retention
from orchestrator.database.connection import transaction
from orchestrator.domain.errors import ProcessCleanedUp
from orchestrator.domain.process import ProcessStatus, Target
from orchestrator.process.messages import Conclude, LockSubscription
from tests.activities.stepwise import BACKWARD, FORWARD, Stepwise
from tests.examples import MINUTE, new_process

DAY = timedelta(days=1)
Late = Callable[[Stepwise], Awaitable[Any]]

STEPS_OF_A_VALIDATION: dict[str, Late] = {
    "store_process_subscription": lambda one: one.generic.store_process_subscription(
        one.run("store_process_subscription")
    ),
    "unsync": lambda one: one.generic.unsync(
        LockSubscription(run=one.run("unsync"), product_type="UserGroup", version=None)
    ),
    "check_user_group": lambda one: one.user_group.check_user_group(one.run("check_user_group")),
    "conclude_validation": lambda one: one.generic.conclude_validation(
        Conclude(run=one.run("conclude_validation"), check="check_user_group")
    ),
}
BOOKKEEPING: dict[str, Late] = {
    "begin_roll_back": lambda one: one.begin_roll_back(),
    "record_event": lambda one: one.record("parked"),
    "end_process": lambda one: one.end(ProcessStatus.FAILED, "late"),
}


def validation_of(creation: Stepwise) -> Stepwise:
    """Return a validation of the subscription, a day later."""
    fields = {
        "workflow": "validate_user_group",
        "target": Target.VALIDATE,
        "subscription_id": creation.subscription_id,
        "started_at": creation.now + DAY,
    }
    process = new_process().model_copy(update=fields)
    return Stepwise(creation.pool, creation.groups, process)


@pytest.fixture
async def folded(creation: Stepwise) -> Stepwise:
    """A validation that was folded after it had completed."""
    await creation.through("resync")
    validation = validation_of(creation)
    for step in STEPS_OF_A_VALIDATION.values():
        await step(validation)
    async with transaction(validation.pool) as connection:
        await retention.fold(connection, [validation.process_id])
    return validation


async def drop_results(creation: Stepwise) -> None:
    async with transaction(creation.pool) as connection:
        await retention.drop_results(connection, [creation.process_id], creation.now + DAY)


@pytest.mark.parametrize("step", FORWARD)
async def test_a_late_step_of_a_cleaned_up_process_changes_nothing(creation: Stepwise, step: str) -> None:
    await creation.through("resync")
    await drop_results(creation)
    before = await creation.footprint()
    with pytest.raises(ProcessCleanedUp, match="ended long ago and was cleaned up"):
        await creation.step(step)
    assert await creation.footprint() == before


@pytest.mark.parametrize("step", BACKWARD)
async def test_a_late_step_of_a_cleaned_up_roll_back_changes_nothing(creation: Stepwise, step: str) -> None:
    await creation.through("roll_back: resync")
    await drop_results(creation)
    before = await creation.footprint()
    with pytest.raises(ProcessCleanedUp):
        await creation.step(step)
    assert await creation.footprint() == before


@pytest.mark.parametrize("activity", BOOKKEEPING)
async def test_late_bookkeeping_of_a_cleaned_up_process_writes_nothing(
    creation: Stepwise, activity: str
) -> None:
    await creation.through("resync")
    await drop_results(creation)
    before = await creation.footprint()
    with pytest.raises(ProcessCleanedUp):
        await BOOKKEEPING[activity](creation)
    assert await creation.footprint() == before


async def test_dropped_results_leave_steps_times_and_how_it_ended(creation: Stepwise) -> None:
    await creation.through("roll_back: resync")
    before = await creation.committed(), await creation.trail(), await creation.events()
    await drop_results(creation)
    left = "SELECT step FROM process_steps WHERE process_id = $1 AND result IS NOT NULL"
    assert [step for (step,) in await creation.pool.fetch(left, creation.process_id)] == ["begin_roll_back"]
    assert (await creation.committed(), await creation.trail(), await creation.events()) == before


@pytest.mark.parametrize("step", STEPS_OF_A_VALIDATION | BOOKKEEPING)
async def test_a_late_step_of_a_folded_validation_locks_nothing(folded: Stepwise, step: str) -> None:
    before = await folded.subscription_row()
    with pytest.raises(ProcessCleanedUp):
        await (STEPS_OF_A_VALIDATION | BOOKKEEPING)[step](folded)
    assert await folded.subscription_row() == before
    assert await folded.footprint() == [*await folded.effects(), "None"]


async def test_a_validation_after_those_that_were_folded_runs(creation: Stepwise, folded: Stepwise) -> None:
    creation.now = folded.now
    validation = validation_of(creation)
    for step in STEPS_OF_A_VALIDATION.values():
        await step(validation)
    row = await validation.trail()
    assert row is not None
    assert row.status is ProcessStatus.COMPLETED


async def test_folding_again_adds_to_the_summary(creation: Stepwise, folded: Stepwise) -> None:
    first = folded.now
    creation.now = folded.now
    validation = validation_of(creation)
    for step in STEPS_OF_A_VALIDATION.values():
        await step(validation)
    async with transaction(validation.pool) as connection:
        await retention.fold(connection, [validation.process_id])
        summary = await retention.read_summary(connection, validation.subscription_id)
    assert summary == retention.ValidationSummary(first, first + DAY + 4 * MINUTE, 2)
