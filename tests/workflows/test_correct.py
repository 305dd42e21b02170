"""A parked process can be retried with corrected values, which all later steps use."""

from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from orchestrator.domain.subscription import Status
from orchestrator.process import frame
from orchestrator.process.forms import RetryNote
from orchestrator.process.ledger import Moment
from orchestrator.process.messages import StepRun
from products.product_types.user import User
from products.product_types.user_group import UserGroup
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from services.fake_user_management import FakeUserManagement
from tests.moments import Moments
from tests.processes import CreateHandle, Handle, Processes


async def parked(processes: Processes, groups: FakeGroupManagement) -> CreateHandle:
    await groups.system.order(Fault(kind="reject", name="Security"))
    handle = await processes.create_user_group("Security")
    await processes.until_parked(handle)
    return handle


async def correct(handle: Handle, **values: Any) -> str:
    note = RetryNote(by="alice", reason="the name is taken", values=values)
    answer: str = await handle.execute_update("retry", note)
    return answer


async def refusal(handle: Handle, **values: Any) -> ApplicationError:
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await correct(handle, **values)
    assert isinstance(refused.value.cause, ApplicationError)
    return refused.value.cause


async def test_a_create_goes_on_with_a_corrected_name(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked(processes, groups)
    await correct(handle, group_name="Security team")
    created = await handle.result()
    group = await groups.find_group(created.subscription_id)
    assert isinstance(created, UserGroup)
    assert (created.user_group.group_name, created.status) == ("Security team", Status.ACTIVE)
    assert created.description == "User Group Security team"
    assert group is not None
    assert group.group_name == "Security team"


async def test_a_correction_is_recorded_with_who_and_why(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked(processes, groups)
    await correct(handle, group_name="Security team")
    await handle.result()
    told = "the name is taken; corrected: group_name = Security team"
    events = [(event.event, event.by, event.reason) for event in await processes.events(handle)]
    assert events[-1] == ("retried", "alice", told)
    assert "correct_values" in [step.name for step in await processes.steps(handle)]
    assert "corrected: group\\_name = Security team" in await processes.details(handle)


async def test_a_name_that_is_rejected_again_can_be_corrected_again(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked(processes, groups)
    await groups.system.order(Fault(kind="reject", name="Operators"))
    await correct(handle, group_name="Operators")
    await processes.until_parked(handle, times=2)
    await correct(handle, group_name="Security team")
    created = await handle.result()
    assert isinstance(created, UserGroup)
    assert created.user_group.group_name == "Security team"


async def test_a_group_that_was_made_before_gets_the_corrected_name(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    """The answer of the first call was lost, and the second call was rejected."""
    await groups.system.order(Fault(kind="answer lost", times=1))
    handle = await processes.create_user_group("Security")
    await groups.system.order(Fault(kind="reject", name="Security", times=1))
    await processes.until_parked(handle)
    await correct(handle, group_name="Security team")
    created = await handle.result()
    group = await groups.find_group(created.subscription_id)
    assert group is not None
    assert group.group_name == "Security team"


async def test_a_modify_goes_on_with_a_corrected_name(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group("Before")
    await groups.system.order(Fault(kind="reject", name="Security"))
    handle = await processes.start("modify_user_group", group_id, group_name="Security")
    await processes.until_parked(handle)
    await correct(handle, group_name="Security team")
    await handle.result()
    after = await processes.read(group_id)
    assert (after.description, after.version) == ("User Group Security team", 2)


async def test_an_abort_after_a_correction_restores_what_was_before(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group("Before")
    await groups.system.order(Fault(kind="reject", name="Security"))
    await groups.system.order(Fault(kind="reject", name="Operators"))
    handle = await processes.start("modify_user_group", group_id, group_name="Security")
    await processes.until_parked(handle)
    await correct(handle, group_name="Operators")
    await processes.until_parked(handle, times=2)
    assert (await processes.read(group_id)).held_by == handle.id
    await handle.cancel()
    await processes.until_closed(handle)
    after = await processes.read(group_id)
    assert (after.description, after.version, after.insync) == ("User Group Before", 1, True)


async def test_an_abort_during_a_correction_rolls_back(
    worker: None, processes: Processes, groups: FakeGroupManagement, moments: Moments
) -> None:
    handle = await parked(processes, groups)

    async def abort(run: StepRun, moment: Moment) -> None:
        if run.step.startswith("correct_values") and moment == "before the effect":
            await handle.cancel()

    moments.acts.append(abort)
    await correct(handle, group_name="Security team")
    await processes.until_closed(handle)
    subscription = await processes.read(processes.subscription_id(handle))
    assert (subscription.status, subscription.insync) == (Status.TERMINATED, True)
    assert await groups.find_group(subscription.subscription_id) is None


async def test_a_user_is_created_with_corrected_values(
    worker: None, processes: Processes, groups: FakeGroupManagement, users: FakeUserManagement
) -> None:
    group_id = await processes.active_group()
    await users.system.order(Fault(kind="reject", name="alice"))
    handle = await processes.create_user(group_id, "alice", age=41)
    await processes.until_parked(handle)
    await correct(handle, username="alicia", age=42)
    await handle.result()
    user = await processes.read(processes.subscription_id(handle))
    assert isinstance(user, User)
    assert (user.user.username, user.user.age) == ("alicia", 42)
    found = await users.find_user(user.subscription_id)
    assert found is not None
    assert (found.username, found.age) == ("alicia", 42)


async def test_a_correction_survives_a_new_run(
    worker: None, processes: Processes, groups: FakeGroupManagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = await parked(processes, groups)
    await groups.system.order(Fault(kind="reject", name="Operators"))
    monkeypatch.setattr(frame, "LONGEST_HISTORY", 1)
    await correct(handle, group_name="Operators")
    await processes.until_parked(handle, times=2)
    await groups.system.clear_faults()
    await processes.retry(processes.latest(handle))
    created = await processes.latest(handle).result()
    assert created["user_group"]["group_name"] == "Operators"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"group_name": ""}, "Invalid CreateUserGroupForm: group_name is empty"),
        ({"colour": "red"}, "colour cannot be corrected; give group_name"),
        ({"customer_id": "11111111-1111-1111-1111-111111111111"}, "customer_id cannot be corrected"),
    ],
)
async def test_a_wrong_correction_is_refused(
    worker: None, processes: Processes, groups: FakeGroupManagement, values: dict[str, str], message: str
) -> None:
    handle = await parked(processes, groups)
    refused = await refusal(handle, **values)
    assert (refused.type, message in refused.message) == ("InvalidInput", True)
    assert [event.event for event in await processes.events(handle)] == ["parked"]


async def test_the_group_of_a_user_cannot_be_corrected(
    worker: None, processes: Processes, groups: FakeGroupManagement, users: FakeUserManagement
) -> None:
    group_id = await processes.active_group()
    user_id = await processes.active_user(group_id)
    await users.system.order(Fault(kind="reject", name="bob"))
    handle = await processes.start("modify_user", user_id, username="bob")
    await processes.until_parked(handle)
    refused = await refusal(handle, group=str(group_id))
    assert refused.message == "group cannot be corrected; give age or username"


async def test_a_process_that_was_aborted_cannot_be_corrected(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked(processes, groups)
    await groups.system.order(Fault(kind="reject"))
    await handle.cancel()
    await processes.until_parked(handle, times=2)
    assert (await refusal(handle, group_name="Security team")).type == "NotCorrectable"


async def test_nothing_is_corrected_past_the_point_of_no_return(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="reject"))
    handle = await processes.start("terminate_user_group", group_id)
    await processes.until_parked(handle)
    assert (await refusal(handle, group_name="Other")).type == "NotCorrectable"
