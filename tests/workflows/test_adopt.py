"""What was done by hand is adopted: the system is asked what it has, and the step is not called again."""

import asyncio
from typing import Any, get_args

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from orchestrator.domain.errors import RequestRejected, StaleToken
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from orchestrator.process import frame
from orchestrator.process.ledger import Moment
from orchestrator.process.messages import StepRun
from products.product_types.user_group import UserGroup
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from services.fake_user_management import FakeUserManagement
from tests.moments import Moments
from tests.processes import CreateHandle, Handle, Processes, eventually


async def adopt(handle: Handle, **note: str) -> str:
    answer: str = await handle.execute_update("adopt", note)
    return answer


async def refusal(handle: Handle) -> ApplicationError:
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await adopt(handle)
    assert isinstance(refused.value.cause, ApplicationError)
    return refused.value.cause


async def made_by_hand(groups: FakeGroupManagement, processes: Processes, handle: Handle, name: str) -> None:
    """Create the group as a person would: the system knows it by the id of the subscription."""
    subscription_id = processes.subscription_id(handle)
    await groups.system.clear_faults()
    await groups.provision_group(subscription_id, name, token=1)
    await groups.system.order(Fault(kind="reject"))


async def parked_create(processes: Processes, groups: FakeGroupManagement) -> CreateHandle:
    await groups.system.order(Fault(kind="reject"))
    handle = await processes.create_user_group("Security")
    await processes.until_parked(handle)
    return handle


async def test_a_group_made_by_hand_is_adopted(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked_create(processes, groups)
    await made_by_hand(groups, processes, handle, "Security")
    assert await adopt(handle, by="alice", reason="made by hand") == "Provision user group: adopted"
    created = await handle.result()
    group = await groups.find_group(created.subscription_id)
    assert isinstance(created, UserGroup)
    assert group is not None
    assert (created.status, created.user_group.group_id) == (Status.ACTIVE, group.group_id)


async def test_an_adoption_is_recorded_with_who_and_why(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked_create(processes, groups)
    await made_by_hand(groups, processes, handle, "Security")
    await adopt(handle, by="alice", reason="made by hand")
    await handle.result()
    events = [(event.event, event.step, event.by, event.reason) for event in await processes.events(handle)]
    assert events[1:] == [("adopted", "provision_user_group", "alice", "made by hand")]
    assert "Adopted by alice: made by hand" in await processes.details(handle)


async def test_nothing_is_adopted_if_nothing_is_there(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked_create(processes, groups)
    refused = await refusal(handle)
    row = await processes.row(handle)
    assert (refused.type, "has no record of it" in refused.message) == ("NothingToAdopt", True)
    assert row is not None
    assert row.parked
    assert [event.event for event in await processes.events(handle)] == ["parked"]


async def test_nothing_is_adopted_that_differs(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked_create(processes, groups)
    await made_by_hand(groups, processes, handle, "Securty")
    refused = await refusal(handle)
    assert (
        "group_name is 'Securty' in the group management system, and was to be 'Security'" in refused.message
    )
    await groups.system.clear_faults()
    await processes.retry(handle)  # it can still be retried, which sets the name right
    created = await handle.result()
    assert await groups.find_group(created.subscription_id) is not None


async def test_a_step_that_is_retried_can_be_adopted(
    worker: None, processes: Processes, groups: FakeGroupManagement, moments: Moments
) -> None:
    async def lose_every_call(run: StepRun, moment: Moment) -> None:
        if run.step == "provision_user_group" and run.adoption is None:
            raise ConnectionResetError("the network is away")

    moments.acts.append(lose_every_call)
    handle = await processes.create_user_group("Security")
    await processes.until_step(handle, "provision_user_group")
    await groups.provision_group(processes.subscription_id(handle), "Security", token=1)
    await adopt(handle, by="alice")
    moments.acts.clear()
    assert (await handle.result()).status is Status.ACTIVE
    assert [event.event for event in await processes.events(handle)] == ["adopted"]


async def test_a_call_that_is_late_changes_nothing_adopted(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    """The roll-back of a create is adopted; the provisioning of before was frozen, and comes back."""
    handle = await parked_create(processes, groups)
    await handle.cancel()
    await processes.until_parked(handle, times=2)
    await adopt(handle)
    await processes.until_closed(handle)
    await groups.system.clear_faults()
    with pytest.raises(StaleToken):
        await groups.provision_group(processes.subscription_id(handle), "Security", token=1)
    assert await groups.find_group(processes.subscription_id(handle)) is None


async def test_a_rejection_after_the_adoption_does_not_park(
    worker: None, processes: Processes, groups: FakeGroupManagement, moments: Moments
) -> None:
    adopted = asyncio.Event()

    async def reject_once_adopted(run: StepRun, moment: Moment) -> None:
        if run.step == "provision_user_group" and run.adoption is None and not adopted.is_set():
            await adopted.wait()
            raise RequestRejected("too late")

    moments.acts.append(reject_once_adopted)
    handle = await processes.create_user_group("Security")
    await processes.until_step(handle, "provision_user_group")
    await groups.provision_group(processes.subscription_id(handle), "Security", token=1)
    await adopt(handle, by="alice")
    adopted.set()
    assert (await handle.result()).status is Status.ACTIVE
    assert [event.event for event in await processes.events(handle)] == ["adopted"]


async def test_a_renaming_done_by_hand_is_adopted(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group("Operators")
    await groups.system.order(Fault(kind="reject"))
    handle = await processes.start("modify_user_group", group_id, group_name="Security")
    await processes.until_parked(handle)
    await groups.system.tamper(group_id, {"group_name": "Security"})
    await adopt(handle)
    await handle.result()
    group = await processes.read(group_id)
    assert isinstance(group, UserGroup)
    assert (group.user_group.group_name, group.version) == ("Security", 2)


async def test_a_removal_done_by_hand_is_adopted(
    worker: None, processes: Processes, users: FakeUserManagement
) -> None:
    user_id = await processes.active_user(await processes.active_group())
    await users.system.order(Fault(kind="reject"))
    handle = await processes.start("terminate_user", user_id)
    await processes.until_parked(handle)
    assert "still has a record of it" in (await refusal(handle)).message
    await users.system.tamper(user_id, None)
    await adopt(handle)
    await handle.result()
    assert (await processes.read(user_id)).status is Status.TERMINATED


@pytest.mark.parametrize("values", [{"username": "bob"}, {"age": 43}])
async def test_a_change_of_a_user_is_adopted(
    worker: None, processes: Processes, users: FakeUserManagement, values: dict[str, Any]
) -> None:
    user_id = await processes.active_user(await processes.active_group(), age=42)
    await users.system.order(Fault(kind="reject"))
    handle = await processes.start("modify_user", user_id, **values)
    await processes.until_parked(handle)
    record = await users.system.look(user_id)
    assert record is not None
    await users.system.tamper(user_id, record.attributes | values)
    await adopt(handle)
    await handle.result()
    user = (await processes.read(user_id)).block.model_dump()
    assert {name: user[name] for name in values} == values


async def test_a_roll_back_done_by_hand_is_adopted(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group("Operators")
    await groups.system.order(Fault(kind="reject"))
    handle = await processes.start("modify_user_group", group_id, group_name="Security")
    await processes.until_parked(handle)
    await handle.cancel()
    await processes.until_parked(handle, times=2)
    await adopt(handle, by="alice")
    await processes.until_closed(handle)
    row = await processes.row(handle)
    assert row is not None
    assert row.status is ProcessStatus.ABORTED
    assert (await processes.read(group_id)).insync


async def test_two_adoptions_at_once_record_one(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked_create(processes, groups)
    await made_by_hand(groups, processes, handle, "Security")
    answers = await asyncio.gather(adopt(handle, by="alice"), adopt(handle, by="bob"), return_exceptions=True)
    await handle.result()
    assert sum(isinstance(answer, str) for answer in answers) == 1
    assert [event.event for event in await processes.events(handle)] == ["parked", "adopted"]


@pytest.mark.parametrize("at", get_args(Moment))
async def test_an_adoption_that_fails_half_way_counts_once(
    worker: None, processes: Processes, groups: FakeGroupManagement, moments: Moments, at: Moment
) -> None:
    handle = await parked_create(processes, groups)
    await made_by_hand(groups, processes, handle, "Security")
    broken = iter([True])

    async def break_once(run: StepRun, moment: Moment) -> None:
        if run.adoption is not None and moment == at and next(broken, False):
            raise ConnectionResetError("the worker died")

    moments.acts.append(break_once)
    await adopt(handle, by="alice")
    assert (await handle.result()).status is Status.ACTIVE
    assert next(broken, None) is None
    assert [event.event for event in await processes.events(handle)] == ["parked", "adopted"]


@pytest.mark.parametrize("at", get_args(Moment))
async def test_an_abort_during_an_adoption_rolls_back(
    worker: None, processes: Processes, groups: FakeGroupManagement, moments: Moments, at: Moment
) -> None:
    handle = await parked_create(processes, groups)
    await made_by_hand(groups, processes, handle, "Security")
    await groups.system.clear_faults()

    async def abort(run: StepRun, moment: Moment) -> None:
        if run.adoption is not None and moment == at:
            await handle.cancel()

    moments.acts.append(abort)
    await asyncio.gather(adopt(handle), return_exceptions=True)
    await processes.until_closed(handle)
    subscription = await processes.read(processes.subscription_id(handle))
    assert (subscription.status, subscription.insync) == (Status.TERMINATED, True)
    assert await groups.find_group(subscription.subscription_id) is None


async def test_a_process_that_continued_as_new_can_be_adopted(
    worker: None, processes: Processes, groups: FakeGroupManagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame, "LONGEST_HISTORY", 1)
    handle = await parked_create(processes, groups)
    await made_by_hand(groups, processes, handle, "Security")
    await eventually(lambda: processes.next_run(handle))
    await adopt(processes.latest(handle))
    assert (await processes.latest(handle).result())["status"] == "active"


async def test_a_system_that_is_away_adopts_nothing(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked_create(processes, groups)
    await groups.system.order(Fault(kind="unreachable"))
    refused = await refusal(handle)
    assert (refused.type, refused.message) == (
        "ExternalSystemUnavailable",
        "group_management cannot be reached",
    )
    assert [event.event for event in await processes.events(handle)] == ["parked"]


async def test_a_validation_has_nothing_to_adopt(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="slow", seconds=2, times=1))
    handle = await processes.start("validate_user_group", group_id)
    await processes.until_step(handle, "check_user_group")
    assert (await refusal(handle)).type == "NothingToAdopt"
    await handle.result()
