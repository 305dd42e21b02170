"""What a system must do that remembers what it has no record of. SCIM has no place for this."""

import asyncio

import pytest

from orchestrator.domain.errors import RequestRejected, StaleToken
from tests.services.contract.systems import YOURS, Systems

pytestmark = pytest.mark.parametrize("systems", ["fake", *YOURS], indirect=True)


async def test_a_removed_group_cannot_be_provisioned_again(systems: Systems) -> None:
    subscription_id, _ = await systems.new_group()
    await systems.groups.deprovision_group(subscription_id, token=1)
    with pytest.raises(RequestRejected):
        await systems.groups.provision_group(subscription_id, "Again", token=2)
    assert await systems.groups.find_group(subscription_id) is None


async def test_a_group_deprovisioned_first_can_never_be_provisioned(systems: Systems) -> None:
    await systems.groups.deprovision_group(subscription_id := systems.new_id(), token=1)
    with pytest.raises(RequestRejected):
        await systems.groups.provision_group(subscription_id, "Late", token=1)
    assert await systems.groups.find_group(subscription_id) is None


async def test_a_removed_user_cannot_be_provisioned_again(systems: Systems) -> None:
    account, subscription_id = await systems.new_account(), systems.new_id()
    await systems.users.provision_user(subscription_id, account, token=1)
    await systems.users.deprovision_user(subscription_id, token=1)
    with pytest.raises(RequestRejected):
        await systems.users.provision_user(subscription_id, account, token=2)


async def test_a_late_caller_cannot_undo_a_removal(systems: Systems) -> None:
    await systems.groups.deprovision_group(subscription_id := systems.new_id(), token=2)
    with pytest.raises(StaleToken, match="has seen token 2"):
        await systems.groups.provision_group(subscription_id, "Late", token=1)
    assert await systems.groups.find_group(subscription_id) is None


async def test_concurrent_provisioning_and_removal_leave_no_group(systems: Systems) -> None:
    subscription_id = systems.new_id()
    await asyncio.gather(
        systems.groups.provision_group(subscription_id, "Ops", token=1),
        systems.groups.deprovision_group(subscription_id, token=2),
        return_exceptions=True,
    )
    assert await systems.groups.find_group(subscription_id) is None


async def test_a_rejected_call_raises_the_token(systems: Systems) -> None:
    await systems.groups.deprovision_group(subscription_id := systems.new_id(), token=1)
    with pytest.raises(RequestRejected):
        await systems.groups.provision_group(subscription_id, "Late", token=7)
    with pytest.raises(StaleToken, match="has seen token 7"):
        await systems.groups.deprovision_group(subscription_id, token=6)


async def test_a_group_that_is_fenced_before_it_is_made_can_be_made(systems: Systems) -> None:
    await systems.groups.fence(subscription_id := systems.new_id(), token=2)
    with pytest.raises(StaleToken, match="has seen token 2"):
        await systems.groups.provision_group(subscription_id, "Ops", token=1)
    group = await systems.groups.provision_group(subscription_id, "Ops", token=2)
    assert await systems.groups.find_group(subscription_id) == group
