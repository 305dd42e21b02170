"""What every group management system must do."""

import asyncio

import pytest

from orchestrator.domain.errors import RequestRejected
from tests.services.contract.systems import Systems


async def test_a_provisioned_group_has_its_name_and_an_id(systems: Systems) -> None:
    subscription_id, group = await systems.new_group("Network operators")
    assert group.group_name == "Network operators"
    assert await systems.groups.find_group(subscription_id) == group


async def test_provisioning_again_gives_the_same_group(systems: Systems) -> None:
    subscription_id, group = await systems.new_group("Network operators")
    again = await systems.groups.provision_group(subscription_id, "Another name", token=1)
    assert again == group == await systems.groups.find_group(subscription_id)


async def test_concurrent_provisionings_leave_one_group(systems: Systems) -> None:
    """They may fail meanwhile, and Temporal repeats them; what counts is that all find the same one."""
    subscription_id = systems.new_id()
    calls = [systems.groups.provision_group(subscription_id, "Ops", token=1) for _ in range(4)]
    await asyncio.gather(*calls, return_exceptions=True)

    made = [await systems.groups.provision_group(subscription_id, "Ops", token=1) for _ in range(2)]

    assert made == [await systems.groups.find_group(subscription_id)] * 2


async def test_every_group_has_its_own_id(systems: Systems) -> None:
    ids = {(await systems.new_group())[1].group_id for _ in range(3)}
    assert len(ids) == 3


async def test_an_unknown_group_is_not_found(systems: Systems) -> None:
    assert await systems.groups.find_group(systems.new_id()) is None


@pytest.mark.parametrize("name", ["Öl & Gas", 'the "best"', "back\\slash", "名前", "a/b?c=d#e", "x" * 255])
async def test_a_group_keeps_any_name(systems: Systems, name: str) -> None:
    subscription_id, group = await systems.new_group(name)
    assert group.group_name == name
    assert await systems.groups.find_group(subscription_id) == group


async def test_a_renamed_group_keeps_its_id(systems: Systems) -> None:
    subscription_id, group = await systems.new_group("Before")
    renamed = await systems.groups.rename_group(subscription_id, "After", token=1)
    assert (renamed.group_id, renamed.group_name) == (group.group_id, "After")
    assert await systems.groups.find_group(subscription_id) == renamed


async def test_renaming_twice_succeeds(systems: Systems) -> None:
    subscription_id, _ = await systems.new_group("Before")
    for _ in range(2):
        await systems.groups.rename_group(subscription_id, "After", token=1)
    found = await systems.groups.find_group(subscription_id)
    assert found is not None
    assert found.group_name == "After"


async def test_an_unknown_group_cannot_be_renamed(systems: Systems) -> None:
    with pytest.raises(RequestRejected):
        await systems.groups.rename_group(systems.new_id(), "After", token=1)


async def test_a_deprovisioned_group_is_gone(systems: Systems) -> None:
    subscription_id, _ = await systems.new_group()
    for _ in range(2):
        await systems.groups.deprovision_group(subscription_id, token=1)
    assert await systems.groups.find_group(subscription_id) is None


async def test_deprovisioning_an_unknown_group_succeeds(systems: Systems) -> None:
    await systems.groups.deprovision_group(systems.new_id(), token=1)


async def test_fencing_an_unknown_group_succeeds(systems: Systems) -> None:
    await systems.groups.fence(subscription_id := systems.new_id(), token=1)
    assert await systems.groups.find_group(subscription_id) is None


async def test_groups_with_one_name_are_different_groups(systems: Systems) -> None:
    first, group = await systems.new_group("Ops")
    second, other = await systems.new_group("Ops")
    await systems.groups.deprovision_group(first, token=1)
    assert group.group_id != other.group_id
    assert await systems.groups.find_group(second) == other
