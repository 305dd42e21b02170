"""Every step has its effect once, and returns the same result whenever it runs again."""

import asyncio

import pytest

from orchestrator.database import subscriptions
from orchestrator.domain.errors import (
    RequestRejected,
)
from orchestrator.domain.subscription import Status
from products.product_types.user_group import UserGroup, UserGroupInactive, UserGroupProvisioning
from services.errors import ExternalSystemUnavailable
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.activities.stepwise import BACKWARD, FORWARD, Stepwise
from tests.examples import MINUTE, START

EVERY_STEP = FORWARD + BACKWARD
CHANGE_IN_GROUPS = {"provision_user_group": 1, "roll_back: deprovision_user_group": -1}


async def test_create_subscription_stores_it_initial_and_held(
    creation: Stepwise,
) -> None:
    subscription = await creation.through("create_subscription")
    assert isinstance(subscription, UserGroupInactive)
    assert subscription.subscription_id == creation.subscription_id
    assert subscription.status is Status.INITIAL
    assert (subscription.held_by, subscription.insync) == (creation.process_id, False)
    assert subscription.description == "Initial subscription of user group administration"


async def test_create_subscription_accepts_the_name_of_the_product(creation: Stepwise) -> None:
    subscription = await creation.create_subscription("User Group")
    assert subscription.product.tag == "GROUP"


async def test_store_process_subscription_relates_the_two_in_the_trail(creation: Stepwise) -> None:
    subscription = await creation.through("store_process_subscription")
    row = await creation.trail()
    assert row is not None
    assert row.subscription_id == subscription.subscription_id


async def test_initialize_subscription_sets_values_and_description(creation: Stepwise) -> None:
    subscription = await creation.through("initialize_subscription")
    assert isinstance(subscription, UserGroupProvisioning)
    assert subscription.status is Status.PROVISIONING
    assert subscription.user_group.group_name == "Network operators"
    assert subscription.description == "User Group Network operators"


async def test_provision_user_group_stores_the_id_of_the_group(
    creation: Stepwise, groups: FakeGroupManagement
) -> None:
    subscription = await creation.through("provision_user_group")
    group = await groups.find_group(creation.subscription_id)
    assert group is not None
    assert isinstance(subscription, UserGroupProvisioning)
    assert subscription.user_group.group_id == group.group_id
    assert group.group_name == "Network operators"


async def test_set_status_activates_and_sets_the_start_date(creation: Stepwise) -> None:
    subscription = await creation.through("set_status")
    assert isinstance(subscription, UserGroup)
    assert subscription.start_date == creation.now
    assert subscription.end_date is None


async def test_resync_unlocks_the_subscription(creation: Stepwise) -> None:
    subscription = await creation.through("resync")
    assert (subscription.held_by, subscription.insync) == (None, True)
    assert subscription.status is Status.ACTIVE


@pytest.mark.parametrize("step", EVERY_STEP)
async def test_a_step_returns_what_it_has_stored(creation: Stepwise, step: str) -> None:
    returned = await creation.through(step)
    async with creation.pool.acquire() as connection:
        stored = await subscriptions.read_subscription(connection, creation.subscription_id)
    assert stored is not None
    assert stored.subscription == returned


@pytest.mark.parametrize("step", EVERY_STEP)
async def test_a_step_run_twice_has_one_effect_and_one_answer(creation: Stepwise, step: str) -> None:
    first = await creation.through(step)
    before = await creation.footprint()

    second = await creation.step(step)

    assert second == first
    assert await creation.footprint() == before


@pytest.mark.parametrize("step", EVERY_STEP)
async def test_a_step_that_runs_again_at_the_end_answers_as_before(creation: Stepwise, step: str) -> None:
    """A late attempt of a step must not change what later steps have written."""
    first = await creation.through(step)
    await creation.after(step)
    before = await creation.effects()

    late = await creation.step(step)

    assert late == first
    assert await creation.effects() == before


@pytest.mark.parametrize("step", EVERY_STEP)
async def test_a_step_that_runs_again_at_the_end_keeps_the_trail(creation: Stepwise, step: str) -> None:
    await creation.through(step)
    await creation.after(step)
    before = await creation.trail()

    await creation.step(step)

    assert await creation.trail() == before


@pytest.mark.parametrize("step", EVERY_STEP)
async def test_two_concurrent_attempts_of_a_step_have_one_effect(
    creation: Stepwise, groups: FakeGroupManagement, step: str
) -> None:
    await creation.before(step)
    already, existing = await creation.committed(), await groups.system.count()

    one, other = await asyncio.gather(creation.step(step), creation.step(step))

    assert one == other
    assert list(await creation.committed()) == [*already, step]
    assert await groups.system.count() - existing == CHANGE_IN_GROUPS.get(step, 0)


async def test_a_rejected_provisioning_can_be_repeated(
    creation: Stepwise, groups: FakeGroupManagement
) -> None:
    await creation.through("initialize_subscription")
    before = await creation.effects()
    await groups.system.order(Fault(kind="reject", name="Network operators", times=1))

    with pytest.raises(RequestRejected, match="rejects 'Network operators'"):
        await creation.step("provision_user_group")
    assert await creation.effects() == before
    await creation.step("provision_user_group")


async def test_a_provisioning_with_a_lost_answer_makes_one_group(
    creation: Stepwise, groups: FakeGroupManagement
) -> None:
    """The step runs again because its answer was lost after the work was done."""
    await creation.through("initialize_subscription")
    existing = await groups.system.count()
    await groups.system.order(Fault(kind="answer lost", times=1))

    with pytest.raises(ExternalSystemUnavailable, match="did not answer"):
        await creation.step("provision_user_group")
    assert "provision_user_group" not in await creation.committed()
    await creation.step("provision_user_group")
    assert await groups.system.count() == existing + 1


async def test_a_committed_step_does_not_call_the_system_again(
    creation: Stepwise, groups: FakeGroupManagement
) -> None:
    first = await creation.through("provision_user_group")
    await groups.system.order(Fault(kind="unreachable"))
    assert await creation.step("provision_user_group") == first


@pytest.mark.parametrize("last_step", ["resync", "roll_back: resync"])
async def test_every_step_is_stored_with_the_time_of_the_workflow(creation: Stepwise, last_step: str) -> None:
    await creation.through(last_step)
    moments = list((await creation.committed()).values())
    assert moments == [START + MINUTE * number for number, _ in enumerate(moments, start=1)]


async def test_a_subscription_is_created_at_the_time_of_the_workflow(creation: Stepwise) -> None:
    await creation.through("create_subscription")
    row = await creation.subscription_row()
    assert row is not None
    assert row["created_at"] == START + MINUTE
