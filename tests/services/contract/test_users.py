"""What every user management system must do."""

import asyncio

import pytest

from orchestrator.domain.errors import RequestRejected
from services.user_management import Account, KnownUser
from tests.services.contract.systems import Systems


def account_of(user: KnownUser | None) -> Account | None:
    return None if user is None else Account.model_validate(user.model_dump(exclude={"user_id"}))


@pytest.mark.parametrize("age", [42, 0, None])
async def test_a_provisioned_user_has_its_values_and_an_id(systems: Systems, age: int | None) -> None:
    account = await systems.new_account(age)
    user = await systems.users.provision_user(subscription_id := systems.new_id(), account, token=1)
    assert account_of(user) == account
    assert await systems.users.find_user(subscription_id) == user


async def test_provisioning_again_gives_the_same_user(systems: Systems) -> None:
    account = await systems.new_account()
    user = await systems.users.provision_user(subscription_id := systems.new_id(), account, token=1)
    other = account.model_copy(update={"age": 7})
    assert await systems.users.provision_user(subscription_id, other, token=1) == user
    assert await systems.users.find_user(subscription_id) == user


async def test_concurrent_provisionings_leave_one_user(systems: Systems) -> None:
    """They may fail meanwhile, and Temporal repeats them; what counts is that all find the same one."""
    account, subscription_id = await systems.new_account(), systems.new_id()
    calls = [systems.users.provision_user(subscription_id, account, token=1) for _ in range(4)]
    await asyncio.gather(*calls, return_exceptions=True)

    made = [await systems.users.provision_user(subscription_id, account, token=1) for _ in range(2)]

    assert made == [await systems.users.find_user(subscription_id)] * 2


@pytest.mark.parametrize("age", [7, None])
async def test_a_changed_user_has_the_new_values(systems: Systems, age: int | None) -> None:
    account, subscription_id = await systems.new_account(), systems.new_id()
    user = await systems.users.provision_user(subscription_id, account, token=1)
    new = account.model_copy(update={"username": f"{account.username}-new", "age": age})
    changed = [await systems.users.change_user(subscription_id, new, token=1) for _ in range(2)]
    expected = KnownUser(user_id=user.user_id, **new.model_dump())
    assert changed == [expected] * 2
    assert await systems.users.find_user(subscription_id) == expected


async def test_a_user_moves_to_another_group_and_back(systems: Systems) -> None:
    account, subscription_id = await systems.new_account(), systems.new_id()
    moved = account.model_copy(update={"group_id": (await systems.new_account()).group_id})
    await systems.users.provision_user(subscription_id, account, token=1)
    for wanted in (moved, account, moved):
        await systems.users.change_user(subscription_id, wanted, token=1)
        assert account_of(await systems.users.find_user(subscription_id)) == wanted


async def test_an_unknown_user_is_not_found(systems: Systems) -> None:
    assert await systems.users.find_user(systems.new_id()) is None


async def test_an_unknown_user_cannot_be_changed(systems: Systems) -> None:
    account = await systems.new_account()
    with pytest.raises(RequestRejected):
        await systems.users.change_user(systems.new_id(), account, token=1)


async def test_a_deprovisioned_user_is_gone(systems: Systems) -> None:
    account, subscription_id = await systems.new_account(), systems.new_id()
    await systems.users.provision_user(subscription_id, account, token=1)
    for _ in range(2):
        await systems.users.deprovision_user(subscription_id, token=1)
    assert await systems.users.find_user(subscription_id) is None


async def test_a_name_is_free_again_when_its_user_is_gone(systems: Systems) -> None:
    account, first = await systems.new_account(), systems.new_id()
    await systems.users.provision_user(first, account, token=1)
    await systems.users.deprovision_user(first, token=1)
    user = await systems.users.provision_user(systems.new_id(), account, token=1)
    assert account_of(user) == account


async def test_deprovisioning_and_fencing_an_unknown_user_succeed(systems: Systems) -> None:
    subscription_id = systems.new_id()
    await systems.users.fence(subscription_id, token=1)
    await systems.users.deprovision_user(subscription_id, token=1)
    assert await systems.users.find_user(subscription_id) is None
