"""A step that is refused leaves nothing behind."""

import pytest
from pydantic import ValidationError
from temporalio.exceptions import ApplicationError

from orchestrator.database import subscriptions
from orchestrator.database.connection import Connection, Pool
from orchestrator.domain.errors import (
    DatabaseIsOlder,
    LifecycleError,
    NotHeldByThisProcess,
    ProcessAlreadyExists,
    ProductNotFound,
)
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.messages import EndProcess
from services.fake_group_management import FakeGroupManagement
from tests.activities.stepwise import BACKWARD, FORWARD, Stepwise

EVERY_STEP = FORWARD + BACKWARD
LATER_STEPS = EVERY_STEP[1:]


@pytest.mark.parametrize("step", LATER_STEPS)
async def test_a_step_of_another_process_is_refused(
    creation: Stepwise, intruder: Stepwise, step: str
) -> None:
    await creation.through("initialize_subscription")
    before = await creation.footprint()

    with pytest.raises(NotHeldByThisProcess, match=f"held by {creation.process_id}"):
        await intruder.step(step)
    assert await creation.footprint() == before
    assert (await intruder.trail(), await intruder.committed()) == (None, {})


@pytest.mark.parametrize("step", LATER_STEPS)
async def test_a_step_on_an_unlocked_subscription_is_refused(
    creation: Stepwise, intruder: Stepwise, step: str
) -> None:
    await creation.through("resync")
    with pytest.raises(NotHeldByThisProcess, match="held by no process"):
        await intruder.step(step)
    assert (await intruder.trail(), await intruder.committed()) == (None, {})


@pytest.mark.parametrize("step", LATER_STEPS)
async def test_a_step_whose_forerunners_are_forgotten_waits(creation: Stepwise, step: str) -> None:
    """The first step of a create has made the subscription: a database without it was restored."""
    with pytest.raises(DatabaseIsOlder, match=f'"{creation.process_id}" has locked its subscription'):
        await creation.step(step)
    assert await creation.trail() is None


@pytest.mark.parametrize("step", EVERY_STEP)
async def test_a_step_of_another_execution_with_the_same_id_is_refused(
    creation: Stepwise, namesake: Stepwise, step: str
) -> None:
    await creation.through("provision_user_group")
    before = await creation.footprint()

    with pytest.raises(ProcessAlreadyExists, match=f'Process "{creation.process_id}" already exists'):
        await namesake.step(step)
    assert await creation.footprint() == before


async def test_an_unknown_product_leaves_no_row(creation: Stepwise) -> None:
    with pytest.raises(ProductNotFound, match=r"'Router'; give one of .*User Group"):
        await creation.create_subscription("Router")
    assert await creation.trail() is None
    assert await creation.effects() == ["None"]


@pytest.mark.parametrize(
    "values", [{"group_name": " "}, {"group_name": "a\nb"}, {"nickname": "ops"}, {"group_id": ""}]
)
async def test_an_invalid_value_leaves_no_effect_and_no_ledger_row(
    creation: Stepwise, values: dict[str, str]
) -> None:
    await creation.through("store_process_subscription")
    before = await creation.footprint()

    with pytest.raises(ValidationError, match="".join(values)):
        await creation.initialize_subscription(**values)
    assert await creation.footprint() == before


async def test_a_missing_value_leaves_no_effect_and_no_ledger_row(
    creation: Stepwise,
) -> None:
    await creation.through("store_process_subscription")
    before = await creation.footprint()

    with pytest.raises(LifecycleError, match="cannot be provisioning: group_name missing"):
        await creation.initialize_subscription()
    assert await creation.footprint() == before


async def test_an_effect_that_fails_half_way_is_rolled_back(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    before = await creation.footprint()

    async def effect(connection: Connection) -> SubscriptionModel:
        await subscriptions.raise_fence(connection, creation.subscription_id)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await creation.ledger.commit(creation.run("set_status"), SubscriptionModel, effect)
    assert await creation.footprint() == before


async def test_a_group_without_a_name_is_not_provisioned(
    creation: Stepwise, groups: FakeGroupManagement
) -> None:
    await creation.through("store_process_subscription")
    with pytest.raises(LifecycleError, match="is initial, no UserGroupProvisioning"):
        await creation.step("provision_user_group")
    assert await groups.find_group(creation.subscription_id) is None


async def test_a_group_without_an_id_does_not_become_active(creation: Stepwise) -> None:
    await creation.through("initialize_subscription")
    before = await creation.footprint()

    with pytest.raises(LifecycleError, match="UserGroup cannot be active: group_id missing"):
        await creation.step("set_status")
    assert await creation.footprint() == before


async def test_a_refused_process_stays_refused_and_holds_nothing(creation: Stepwise, pool: Pool) -> None:
    # If the worker dies right after the end, the step runs again; the reason to refuse may be gone by then.
    end = EndProcess(
        run=creation.run("create_subscription"),
        status=ProcessStatus.REFUSED,
        failed_reason="the group is out of sync",
        error_type="RelatedSubscriptionOutOfSync",
    )
    for _ in range(2):
        await creation.bookkeeping.end_process(end)
        with pytest.raises(ApplicationError, match="the group is out of sync") as refused:
            await creation.step("create_subscription")
        assert refused.value.type == "RelatedSubscriptionOutOfSync"
        assert refused.value.non_retryable
    async with pool.acquire() as connection:
        assert await subscriptions.read_subscription(connection, creation.subscription_id) is None
