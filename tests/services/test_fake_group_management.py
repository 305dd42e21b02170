import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from orchestrator.domain.errors import RequestRejected, StaleToken
from services.fake_group_management import FakeGroupManagement
from services.group_management import Group

Change = Callable[[FakeGroupManagement, UUID, int], Awaitable[object]]


async def provision(groups: FakeGroupManagement, subscription_id: UUID, token: int = 1) -> Group:
    return await groups.provision_group(subscription_id, "Network operators", token=token)


async def fence(groups: FakeGroupManagement, subscription_id: UUID, token: int = 1) -> None:
    await groups.fence(subscription_id, token=token)


async def deprovision(groups: FakeGroupManagement, subscription_id: UUID, token: int = 1) -> None:
    await groups.deprovision_group(subscription_id, token=token)


CHANGES: list[Change] = [provision, deprovision, fence]


async def test_a_provisioned_group_has_its_name_and_a_number(groups: FakeGroupManagement) -> None:
    group = await provision(groups, subscription_id := uuid4())
    assert group.group_name == "Network operators"
    assert group.group_id > 0
    assert await groups.find_group(subscription_id) == group


async def test_provisioning_twice_gives_the_same_id_and_one_group(groups: FakeGroupManagement) -> None:
    subscription_id, before = uuid4(), await groups.system.count()

    first = await provision(groups, subscription_id)
    second = await provision(groups, subscription_id)

    assert first == second
    assert await groups.system.count() == before + 1


async def test_a_repeated_call_is_one_change(groups: FakeGroupManagement) -> None:
    subscription_id = uuid4()
    for name, token in (("One", 1), ("Two", 2)):
        await groups.provision_group(subscription_id, "One", token=token)
        await groups.rename_group(subscription_id, name, token=token)
        await groups.rename_group(subscription_id, name, token=token)
    await deprovision(groups, subscription_id, 3)
    await deprovision(groups, subscription_id, 3)
    changes = [
        change for change in await groups.system.changes() if change.subscription_id == subscription_id
    ]
    assert [(change.token, change.attributes) for change in changes] == [
        (1, {"group_name": "One"}),
        (2, {"group_name": "Two"}),
        (3, None),
    ]


async def test_provisioning_again_keeps_the_name(groups: FakeGroupManagement) -> None:
    group = await provision(groups, subscription_id := uuid4())
    again = await groups.provision_group(subscription_id, "Other name", token=1)
    assert again == group


async def test_concurrent_provisionings_make_one_group(
    groups: FakeGroupManagement,
) -> None:
    subscription_id, before = uuid4(), await groups.system.count()

    made = await asyncio.gather(*(provision(groups, subscription_id) for _ in range(8)))

    assert len({group.group_id for group in made}) == 1
    assert await groups.system.count() == before + 1


async def test_a_later_group_has_a_higher_id(groups: FakeGroupManagement) -> None:
    ids = [(await provision(groups, uuid4())).group_id for _ in range(3)]
    assert ids == sorted(set(ids))


async def test_an_unknown_group_is_not_found(groups: FakeGroupManagement) -> None:
    assert await groups.find_group(uuid4()) is None


async def test_a_deprovisioned_group_is_gone(groups: FakeGroupManagement) -> None:
    await provision(groups, subscription_id := uuid4())
    before = await groups.system.count()

    await deprovision(groups, subscription_id)

    assert await groups.find_group(subscription_id) is None
    assert await groups.system.count() == before - 1


async def test_a_removed_group_cannot_be_provisioned_again(groups: FakeGroupManagement) -> None:
    await provision(groups, subscription_id := uuid4())
    await deprovision(groups, subscription_id)

    with pytest.raises(RequestRejected, match=f"has removed the record of {subscription_id} for ever"):
        await provision(groups, subscription_id, token=2)
    assert await groups.find_group(subscription_id) is None


async def test_deprovisioning_twice_succeeds(groups: FakeGroupManagement) -> None:
    await provision(groups, subscription_id := uuid4())
    await deprovision(groups, subscription_id)
    await deprovision(groups, subscription_id)
    assert await groups.find_group(subscription_id) is None


async def test_a_group_deprovisioned_first_can_never_be_provisioned(
    groups: FakeGroupManagement,
) -> None:
    await deprovision(groups, subscription_id := uuid4())

    with pytest.raises(RequestRejected, match="for ever"):
        await provision(groups, subscription_id)
    assert await groups.find_group(subscription_id) is None


async def test_concurrent_provisioning_and_removal_leave_no_group(
    groups: FakeGroupManagement,
) -> None:
    subscription_id = uuid4()
    await asyncio.gather(
        provision(groups, subscription_id, token=1),
        deprovision(groups, subscription_id, token=2),
        return_exceptions=True,
    )
    assert await groups.find_group(subscription_id) is None


@pytest.mark.parametrize("change", CHANGES)
async def test_a_lower_token_is_refused_and_changes_nothing(
    groups: FakeGroupManagement, change: Change
) -> None:
    group = await provision(groups, subscription_id := uuid4(), token=5)

    with pytest.raises(StaleToken, match=f"has seen token 5 for {subscription_id}; refuses 4"):
        await change(groups, subscription_id, 4)
    assert await groups.find_group(subscription_id) == group


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("token", [5, 6])
async def test_an_equal_or_higher_token_is_accepted(
    groups: FakeGroupManagement, change: Change, token: int
) -> None:
    await provision(groups, subscription_id := uuid4(), token=5)

    await change(groups, subscription_id, token)

    with pytest.raises(StaleToken, match=f"has seen token {token}"):
        await change(groups, subscription_id, token - 1)


async def test_a_late_caller_cannot_undo_a_removal(groups: FakeGroupManagement) -> None:
    await deprovision(groups, subscription_id := uuid4(), token=2)
    with pytest.raises(StaleToken, match="has seen token 2"):
        await provision(groups, subscription_id, token=1)
    assert await groups.find_group(subscription_id) is None


async def test_each_subscription_has_its_own_tokens(groups: FakeGroupManagement) -> None:
    await provision(groups, uuid4(), token=9)
    await provision(groups, uuid4(), token=1)


async def test_a_rejected_call_raises_the_token(groups: FakeGroupManagement) -> None:
    await deprovision(groups, subscription_id := uuid4(), token=1)
    with pytest.raises(RequestRejected, match="for ever"):
        await provision(groups, subscription_id, token=7)
    with pytest.raises(StaleToken, match="has seen token 7"):
        await deprovision(groups, subscription_id, token=6)


async def test_fencing_a_group_changes_nothing_but_the_token(groups: FakeGroupManagement) -> None:
    group = await provision(groups, subscription_id := uuid4(), token=1)
    await fence(groups, subscription_id, token=2)
    with pytest.raises(StaleToken, match="has seen token 2"):
        await groups.rename_group(subscription_id, "Late", token=1)
    assert await groups.find_group(subscription_id) == group


async def test_a_group_that_is_fenced_before_it_is_made_can_be_made(groups: FakeGroupManagement) -> None:
    await fence(groups, subscription_id := uuid4(), token=2)
    assert await groups.find_group(subscription_id) is None
    with pytest.raises(StaleToken, match="has seen token 2"):
        await provision(groups, subscription_id, token=1)
    await provision(groups, subscription_id, token=2)
