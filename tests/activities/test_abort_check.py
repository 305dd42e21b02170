"""A step that calls an external system, or unlocks, asks Temporal whether an abort was requested."""

import pytest
from temporalio.service import RPCError

from orchestrator.domain.errors import AbortRequested
from orchestrator.domain.subscription import Status
from services.fake_group_management import FakeGroupManagement
from tests.activities.stepwise import Stepwise

ASKING = ("provision_user_group", "resync")


@pytest.mark.parametrize("step", ASKING)
async def test_a_step_that_was_aborted_has_no_effect(creation: Stepwise, step: str) -> None:
    await creation.before(step)
    before = await creation.effects()
    creation.aborted = True
    with pytest.raises(AbortRequested):
        await creation.step(step)
    assert await creation.effects() == before


@pytest.mark.parametrize("step", ASKING)
async def test_no_row_is_locked_while_temporal_is_asked(creation: Stepwise, step: str) -> None:
    """A slow Temporal must not hold rows that others wait for."""
    await creation.through(step)
    assert not creation.rows_locked_when_asked


async def test_an_unlock_does_not_wait_for_temporal(creation: Stepwise) -> None:
    """Nothing begins after it: an abort that comes too late says so."""
    await creation.before("resync")
    creation.temporal_is_away = True
    assert (await creation.step("resync")).insync


async def test_no_external_call_begins_without_an_answer(
    creation: Stepwise, groups: FakeGroupManagement
) -> None:
    """The step is a regular activity: Temporal retries it."""
    await creation.before("provision_user_group")
    creation.temporal_is_away = True
    with pytest.raises(RPCError):
        await creation.step("provision_user_group")
    assert await groups.find_group(creation.subscription_id) is None


async def test_a_roll_back_asks_nobody(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    creation.aborted = creation.temporal_is_away = True
    await creation.begin_roll_back()
    await creation.step("roll_back: deprovision_user_group")


async def test_one_activity_runs_twice_under_two_keys(creation: Stepwise) -> None:
    await creation.through("set_status")
    ended = await creation.set_status(Status.TERMINATED, "set_status_again")
    assert ended.status is Status.TERMINATED
    assert {"set_status", "set_status_again"} <= (await creation.committed()).keys()
