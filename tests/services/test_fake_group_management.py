"""What only the fake shows: how often it has changed. `contract` has what every system must do."""

import asyncio
from uuid import uuid4

from services.fake_group_management import FakeGroupManagement


async def test_the_first_number_is_positive_and_later_ones_are_higher(groups: FakeGroupManagement) -> None:
    made = [await groups.provision_group(uuid4(), "Ops", token=1) for _ in range(3)]
    numbers = [int(group.group_id) for group in made]
    assert numbers[0] > 0
    assert numbers == sorted(set(numbers))


async def test_concurrent_provisionings_make_one_group(groups: FakeGroupManagement) -> None:
    subscription_id, before = uuid4(), await groups.system.count()
    calls = [groups.provision_group(subscription_id, "Ops", token=1) for _ in range(8)]

    made = await asyncio.gather(*calls)

    assert len({group.group_id for group in made}) == 1
    assert await groups.system.count() == before + 1


async def test_a_repeated_call_is_one_change(groups: FakeGroupManagement) -> None:
    subscription_id = uuid4()
    for name, token in (("One", 1), ("Two", 2)):
        await groups.provision_group(subscription_id, "One", token=token)
        await groups.rename_group(subscription_id, name, token=token)
        await groups.rename_group(subscription_id, name, token=token)
    for _ in range(2):
        await groups.deprovision_group(subscription_id, token=3)
    changes = [one for one in await groups.system.changes() if one.subscription_id == subscription_id]
    assert [(change.token, change.attributes) for change in changes] == [
        (1, {"group_name": "One"}),
        (2, {"group_name": "Two"}),
        (3, None),
    ]
