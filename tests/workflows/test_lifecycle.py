"""Modify, terminate and validate a user group."""

import pytest
from temporalio.client import WorkflowExecutionStatus

from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from products.product_types.user_group import UserGroup
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import Processes, until_struck


async def test_modify_changes_the_name_and_the_version(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group("Old")
    handle = await processes.start("modify_user_group", group_id, group_name="New", version=1)
    await handle.result()
    group, found = await processes.read(group_id), await groups.find_group(group_id)
    assert isinstance(group, UserGroup)
    assert (group.user_group.group_name, group.description) == ("New", "User Group New")
    assert (group.version, group.insync, group.status) == (2, True, Status.ACTIVE)
    assert found is not None
    assert found.group_name == "New"


async def test_a_modify_without_a_change_keeps_the_version(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group("Same")
    await (await processes.start("modify_user_group", group_id, group_name="Same")).result()
    assert (await processes.read(group_id)).version == 1


async def test_terminate_removes_the_group_and_keeps_the_values(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group("Old")
    await (await processes.start("terminate_user_group", group_id)).result()
    group = await processes.read(group_id)
    assert (group.status, group.insync, group.version) == (Status.TERMINATED, True, 2)
    assert group.end_date is not None
    assert group.block.model_dump()["group_name"] == "Old"
    assert await groups.find_group(group_id) is None


async def test_validate_completes_if_there_is_no_discrepancy(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group()
    before = await processes.read(group_id)
    await (await processes.start("validate_user_group", group_id)).result()
    assert await processes.read(group_id) == before


async def test_a_discrepancy_leaves_the_subscription_out_of_sync(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group("Here")
    await groups.system.tamper(group_id, {"group_name": "There"})
    handle = await processes.start("validate_user_group", group_id)
    message = await processes.failure(handle)
    group, row = await processes.read(group_id), await processes.row(handle)
    assert "group_name is 'Here' in the subscription and 'There' in the group management system" in message
    assert (group.insync, group.discrepancy_found_by, group.held_by) == (False, handle.id, None)
    assert row is not None
    assert row.status is ProcessStatus.FAILED
    assert row.ended_at is not None
    assert "group_name is 'Here'" in (row.failed_reason or "")


async def test_a_validation_after_the_fix_sets_it_in_sync_again(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group("Here")
    await groups.system.tamper(group_id, {"group_name": "There"})
    await processes.failure(await processes.start("validate_user_group", group_id))
    await groups.system.tamper(group_id, {"group_name": "Here"})
    await (await processes.start("validate_user_group", group_id)).result()
    assert (await processes.read(group_id)).insync


@pytest.mark.parametrize("workflow", ["modify_user_group", "terminate_user_group", "validate_user_group"])
async def test_a_second_process_on_a_held_subscription_is_refused(
    worker: None, processes: Processes, groups: FakeGroupManagement, workflow: str
) -> None:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    holder = await processes.start("modify_user_group", group_id, group_name="Reserved")
    await processes.until_parked(holder)
    before = await processes.read(group_id)
    fields = {"group_name": "Other"} if workflow.startswith("modify") else {}
    second = await processes.start(workflow, group_id, **fields)
    message = await processes.failure(second)
    row = await processes.row(second)
    assert message.startswith(
        "This workflow cannot be started: Subscription already has a running process or task (subscription "
    )
    assert f"held by {holder.id}" in message
    assert row is not None
    assert (row.status, row.failed_reason) == (ProcessStatus.REFUSED, message)
    assert await processes.read(group_id) == before


async def test_an_aborted_modify_restores_the_name(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group("Before")
    before = await processes.read(group_id)
    await groups.system.order(Fault(kind="answer lost", times=1))
    await groups.system.order(Fault(kind="slow", seconds=1))
    handle = await processes.start("modify_user_group", group_id, group_name="After")
    await processes.until_step(handle, "modify_user_group")
    await handle.cancel(reason="carol: wrong name")
    await groups.system.clear_faults()
    await processes.until_closed(handle)
    found = await groups.find_group(group_id)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert await processes.read(group_id) == before
    assert found is not None
    assert found.group_name == "Before"


async def test_an_aborted_terminate_past_its_pivot_completes(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="slow", seconds=2, times=1))
    handle = await processes.start("terminate_user_group", group_id)
    await until_struck(groups.system)
    await handle.cancel(reason="carol: changed my mind")
    await handle.result()
    row = await processes.row(handle)
    assert (await processes.read(group_id)).status is Status.TERMINATED
    assert row is not None
    assert row.status is ProcessStatus.COMPLETED
    assert "runs to its end" in await processes.details(handle)


async def test_an_aborted_validation_changes_nothing(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group("Here")
    await groups.system.tamper(group_id, {"group_name": "There"})
    await processes.failure(await processes.start("validate_user_group", group_id))
    before = await processes.read(group_id)
    await groups.system.order(Fault(kind="slow", seconds=2, times=1))
    handle = await processes.start("validate_user_group", group_id)
    await processes.until_step(handle, "check_user_group")
    await handle.cancel()
    await processes.until_closed(handle)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert await processes.read(group_id) == before


async def test_an_unchangeable_value_may_be_repeated(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group("Old")
    known = (await processes.read(group_id)).block.model_dump()["group_id"]
    await (await processes.start("modify_user_group", group_id, group_name="New", group_id=known)).result()
    assert (await processes.read(group_id)).description == "User Group New"


async def test_another_value_for_an_unchangeable_field_is_refused(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group("Old")
    before = await processes.read(group_id)
    handle = await processes.start("modify_user_group", group_id, group_name="New", group_id=4711)
    message, row = await processes.failure(handle), await processes.row(handle)
    assert message.startswith("group_id cannot be changed: it is ")
    assert row is not None
    assert (row.status, row.failed_reason) == (ProcessStatus.REFUSED, message)
    assert await processes.read(group_id) == before


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "has nothing to change"),
        ({"group_name": None}, "must not have group_name null"),
        ({"group_name": "x", "version": 0}, "version input should be greater than or equal to 1"),
        ({"group_name": "x", "version": True}, "version must be a whole number"),
    ],
)
async def test_a_modify_with_bad_input_leaves_no_row(
    worker: None, processes: Processes, given: dict[str, object], complaint: str
) -> None:
    handle = await processes.start("modify_user_group", await processes.active_group(), **given)
    assert complaint in await processes.failure(handle)
    assert await processes.row(handle) is None


async def test_a_stale_version_is_refused(worker: None, processes: Processes) -> None:
    handle = await processes.start(
        "modify_user_group", await processes.active_group(), group_name="x", version=7
    )
    message = await processes.failure(handle)
    assert message.startswith("Stale data: given version (7) does not match the current version (1)")
