"""What a system must do that compares fencing tokens: refuse a caller that has been replaced."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from orchestrator.domain.errors import StaleToken
from tests.services.contract.systems import Systems

Change = Callable[[Systems, UUID, int], Awaitable[object]]


async def provision(systems: Systems, subscription_id: UUID, token: int) -> None:
    await systems.groups.provision_group(subscription_id, "Late", token=token)


async def rename(systems: Systems, subscription_id: UUID, token: int) -> None:
    await systems.groups.rename_group(subscription_id, "Late", token=token)


async def deprovision(systems: Systems, subscription_id: UUID, token: int) -> None:
    await systems.groups.deprovision_group(subscription_id, token=token)


async def fence(systems: Systems, subscription_id: UUID, token: int) -> None:
    await systems.groups.fence(subscription_id, token=token)


CHANGES: list[Change] = [provision, rename, deprovision, fence]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_lower_token_is_refused_and_changes_nothing(systems: Systems, change: Change) -> None:
    subscription_id, group = await systems.new_group("Ops", token=5)
    with pytest.raises(StaleToken, match=f"has seen token 5 for {subscription_id}; refuses 4"):
        await change(systems, subscription_id, 4)
    assert await systems.groups.find_group(subscription_id) == group


@pytest.mark.parametrize("change", [provision, rename, fence])
@pytest.mark.parametrize("token", [5, 6])
async def test_an_equal_or_higher_token_is_accepted(systems: Systems, change: Change, token: int) -> None:
    subscription_id, _ = await systems.new_group("Ops", token=5)
    await change(systems, subscription_id, token)
    with pytest.raises(StaleToken, match=f"has seen token {token}"):
        await change(systems, subscription_id, token - 1)


async def test_each_subscription_has_its_own_tokens(systems: Systems) -> None:
    await systems.new_group(token=9)
    await systems.new_group(token=1)


async def test_fencing_a_group_changes_nothing_but_the_token(systems: Systems) -> None:
    subscription_id, group = await systems.new_group("Ops", token=1)
    await systems.groups.fence(subscription_id, token=2)
    assert await systems.groups.find_group(subscription_id) == group


async def test_a_lower_token_changes_no_user(systems: Systems) -> None:
    account, subscription_id = await systems.new_account(), systems.new_id()
    user = await systems.users.provision_user(subscription_id, account, token=1)
    await systems.users.fence(subscription_id, token=2)
    late = account.model_copy(update={"age": 1, "group_id": (await systems.new_account()).group_id})
    for call in (
        systems.users.change_user(subscription_id, late, token=1),
        systems.users.provision_user(subscription_id, late, token=1),
        systems.users.deprovision_user(subscription_id, token=1),
    ):
        with pytest.raises(StaleToken, match="has seen token 2"):
            await call
    assert await systems.users.find_user(subscription_id) == user
