"""The fake fails on request, so that retries, parking and roll-backs can be seen."""

import asyncio
from uuid import uuid4

import pytest

from orchestrator.domain.errors import RequestRejected
from services.errors import ExternalSystemUnavailable
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault


async def test_a_slow_system_does_the_work_later(groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="slow", seconds=0.2))
    began = asyncio.get_running_loop().time()

    group = await groups.provision_group(uuid4(), "ops", token=1)

    assert group.group_name == "ops"
    assert asyncio.get_running_loop().time() - began >= 0.2


async def test_an_unreachable_system_has_done_nothing(groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="unreachable"))
    with pytest.raises(ExternalSystemUnavailable, match="group_management cannot be reached"):
        await groups.provision_group(subscription_id := uuid4(), "ops", token=2)

    await groups.system.clear_faults()
    assert await groups.find_group(subscription_id) is None
    await groups.provision_group(subscription_id, "ops", token=1)  # it has not even seen the token


async def test_an_unreachable_system_removes_nothing_and_finds_nothing(groups: FakeGroupManagement) -> None:
    group = await groups.provision_group(subscription_id := uuid4(), "ops", token=1)
    await groups.system.order(Fault(kind="unreachable"))
    with pytest.raises(ExternalSystemUnavailable, match="cannot be reached"):
        await groups.deprovision_group(subscription_id, token=1)
    with pytest.raises(ExternalSystemUnavailable, match="cannot be reached"):
        await groups.find_group(subscription_id)

    await groups.system.clear_faults()
    assert await groups.find_group(subscription_id) == group


async def test_an_unreachable_system_hears_of_no_token(groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="unreachable", times=1))
    with pytest.raises(ExternalSystemUnavailable, match="cannot be reached"):
        await groups.fence(subscription_id := uuid4(), token=2)
    await groups.provision_group(subscription_id, "ops", token=1)


async def test_a_lost_answer_is_found_by_a_repeated_call(groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="answer lost", times=1))
    with pytest.raises(ExternalSystemUnavailable, match="did not answer in time"):
        await groups.provision_group(subscription_id := uuid4(), "ops", token=1)

    made = await groups.find_group(subscription_id)
    assert made is not None
    assert await groups.provision_group(subscription_id, "ops", token=1) == made


async def test_a_removal_whose_answer_is_lost_has_happened(groups: FakeGroupManagement) -> None:
    await groups.provision_group(subscription_id := uuid4(), "ops", token=1)
    await groups.system.order(Fault(kind="answer lost", times=1))
    with pytest.raises(ExternalSystemUnavailable, match="did not answer in time"):
        await groups.deprovision_group(subscription_id, token=1)
    assert await groups.find_group(subscription_id) is None


async def test_one_name_can_be_rejected(groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", name="wheel"))
    with pytest.raises(RequestRejected, match="group_management rejects 'wheel'"):
        await groups.provision_group(subscription_id := uuid4(), "wheel", token=1)

    assert await groups.find_group(subscription_id) is None
    await groups.provision_group(uuid4(), "ops", token=1)


async def test_every_name_can_be_rejected(groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject"))
    with pytest.raises(RequestRejected, match="rejects 'wheel'"):
        await groups.provision_group(uuid4(), "wheel", token=1)
    with pytest.raises(RequestRejected, match="rejects 'ops'"):
        await groups.provision_group(uuid4(), "ops", token=1)


async def test_a_rejected_removal_removes_nothing(groups: FakeGroupManagement) -> None:
    group = await groups.provision_group(subscription_id := uuid4(), "ops", token=1)
    await groups.system.order(Fault(kind="reject"))

    with pytest.raises(RequestRejected, match="group_management rejects the request"):
        await groups.deprovision_group(subscription_id, token=1)
    assert await groups.find_group(subscription_id) == group


async def test_a_rejected_name_does_not_affect_a_removal(groups: FakeGroupManagement) -> None:
    await groups.provision_group(subscription_id := uuid4(), "ops", token=1)
    await groups.system.order(Fault(kind="reject", name="ops"))

    await groups.deprovision_group(subscription_id, token=1)

    assert await groups.find_group(subscription_id) is None


async def test_a_name_can_be_used_when_it_is_no_longer_rejected(groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", name="wheel"))
    with pytest.raises(RequestRejected, match="rejects 'wheel'"):
        await groups.provision_group(subscription_id := uuid4(), "wheel", token=1)

    await groups.system.clear_faults()
    assert (await groups.provision_group(subscription_id, "wheel", token=1)).group_name == "wheel"


async def test_a_fault_affects_the_given_number_of_calls(groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="unreachable", times=2))
    for _ in range(2):
        with pytest.raises(ExternalSystemUnavailable, match="cannot be reached"):
            await groups.provision_group(uuid4(), "ops", token=1)
    await groups.provision_group(uuid4(), "ops", token=1)


async def test_a_fault_counts_concurrent_calls(
    groups: FakeGroupManagement,
) -> None:
    await groups.system.order(Fault(kind="unreachable", times=3))
    answers = await asyncio.gather(
        *(groups.provision_group(uuid4(), "ops", token=1) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(answer, ExternalSystemUnavailable) for answer in answers) == 3


async def test_a_fault_for_another_name_is_not_used_up(groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", name="wheel", times=1))
    await groups.provision_group(uuid4(), "ops", token=1)
    with pytest.raises(RequestRejected, match="rejects 'wheel'"):
        await groups.provision_group(uuid4(), "wheel", token=1)


async def test_active_faults_show_their_remaining_calls(groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="unreachable", times=2))
    await groups.system.order(Fault(kind="reject", name="wheel"))
    with pytest.raises(ExternalSystemUnavailable, match="cannot be reached"):
        await groups.find_group(uuid4())

    expected = [Fault(kind="unreachable", times=1), Fault(kind="reject", name="wheel")]
    assert await groups.system.faults() == expected


async def test_a_used_up_fault_is_not_active(
    groups: FakeGroupManagement,
) -> None:
    await groups.system.order(Fault(kind="unreachable", times=1))
    with pytest.raises(ExternalSystemUnavailable, match="cannot be reached"):
        await groups.find_group(uuid4())
    assert await groups.system.faults() == []


async def test_a_system_without_faults_works(groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="unreachable"))
    await groups.system.order(Fault(kind="reject"))

    await groups.system.clear_faults()

    assert await groups.system.faults() == []
    await groups.provision_group(uuid4(), "ops", token=1)
