"""Users refer to a group that another subscription owns; the gate judges the group when they join."""

import asyncio
from uuid import UUID, uuid4

import pytest
from temporalio.client import WorkflowExecutionStatus

from orchestrator.database import relations
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from products.product_types.user import User, UserInactive
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from services.fake_user_management import FakeUserManagement
from tests.processes import Processes


async def read_user(processes: Processes, subscription_id: UUID) -> User:
    user = await processes.read(subscription_id)
    assert isinstance(user, User)
    return user


async def depends_on(processes: Processes, subscription_id: UUID) -> list[UUID]:
    async with processes.pool.acquire() as connection:
        return (await relations.relations(connection, subscription_id))[1]


async def in_use_by(processes: Processes, subscription_id: UUID) -> list[UUID]:
    async with processes.pool.acquire() as connection:
        return (await relations.relations(connection, subscription_id))[0]


@pytest.mark.parametrize(("product", "affiliation"), [("internal", "internal"), ("external", "external")])
async def test_a_user_has_a_group_and_the_affiliation_of_the_product(
    worker: None, processes: Processes, users: FakeUserManagement, product: str, affiliation: str
) -> None:
    group_id = await processes.active_group("Operators")
    user_id = await processes.active_user(group_id, "alice", age=42, product=f"User {product}")
    user, found = await read_user(processes, user_id), await users.find_user(user_id)
    assert user.description == f"User alice from group Operators ({affiliation})"
    assert (user.user.age, user.user.affiliation) == (42, affiliation)
    assert user.user.group.owner_subscription_id == group_id
    assert found is not None
    assert (found.user_id, found.username, found.affiliation) == (user.user.user_id, "alice", affiliation)
    assert found.group_id == user.user.group.group_id
    assert await in_use_by(processes, group_id) == [user_id]


async def test_a_user_shows_the_new_name_of_a_renamed_group(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group("Before")
    user_id = await processes.active_user(group_id)
    await (await processes.start("modify_user_group", group_id, group_name="After")).result()
    user = await read_user(processes, user_id)
    assert user.user.group.group_name == "After"
    assert user.description == "User alice from group Before (internal)"
    await (await processes.start("modify_user", user_id, age=30)).result()
    assert (await processes.read(user_id)).description == "User alice from group After (internal)"


async def test_a_missing_value_stays_and_null_clears_an_optional_one(
    worker: None, processes: Processes, users: FakeUserManagement
) -> None:
    user_id = await processes.active_user(await processes.active_group(), age=42)
    await (await processes.start("modify_user", user_id, username="bob")).result()
    renamed = await read_user(processes, user_id)
    assert (renamed.user.username, renamed.user.age) == ("bob", 42)
    await (await processes.start("modify_user", user_id, age=None)).result()
    user, found = await read_user(processes, user_id), await users.find_user(user_id)
    assert (user.user.username, user.user.age, user.version) == ("bob", None, 3)
    assert found is not None
    assert (found.username, found.age) == ("bob", None)


async def test_a_user_who_changes_groups_uses_both_meanwhile(
    worker: None, processes: Processes, users: FakeUserManagement
) -> None:
    old, new = await processes.active_group("Old"), await processes.active_group("New")
    user_id = await processes.active_user(old)
    await users.system.order(Fault(kind="reject", name="alice"))
    handle = await processes.start("modify_user", user_id, group=str(new))
    await processes.until_parked(handle)
    assert await depends_on(processes, user_id) == sorted([old, new])
    await users.system.clear_faults()
    await processes.retry(handle)
    await handle.result()
    user, found = await read_user(processes, user_id), await users.find_user(user_id)
    assert await depends_on(processes, user_id) == [new]
    assert user.description == "User alice from group New (internal)"
    assert found is not None
    assert found.group_id == user.user.group.group_id


async def test_an_aborted_change_of_groups_keeps_the_old_group(
    worker: None, processes: Processes, users: FakeUserManagement
) -> None:
    old, new = await processes.active_group("Old"), await processes.active_group("New")
    user_id = await processes.active_user(old, age=42)
    before = await read_user(processes, user_id)
    await users.system.order(Fault(kind="answer lost", times=1))
    await users.system.order(Fault(kind="slow", seconds=1))
    handle = await processes.start("modify_user", user_id, group=str(new), username="bob", age=None)
    await processes.until_step(handle, "modify_user")
    await handle.cancel(reason="carol: wrong group")
    await users.system.clear_faults()
    await processes.until_closed(handle)
    found = await users.find_user(user_id)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert await read_user(processes, user_id) == before
    assert await depends_on(processes, user_id) == [old]
    assert found is not None
    assert (found.username, found.age, found.group_id) == ("alice", 42, before.user.group.group_id)


async def test_a_terminated_user_keeps_its_values_and_frees_the_group(
    worker: None, processes: Processes, users: FakeUserManagement
) -> None:
    group_id = await processes.active_group("Operators")
    user_id = await processes.active_user(group_id)
    refused = await processes.failure(await processes.start("terminate_user_group", group_id))
    await (await processes.start("terminate_user", user_id)).result()
    await (await processes.start("terminate_user_group", group_id)).result()
    user = await processes.read(user_id)
    assert "can not be modified as it is used in other subscriptions" in refused
    assert f'terminate these first: {user_id} "User alice from group Operators (internal)"' in refused
    assert isinstance(user, UserInactive)
    assert (user.status, user.user.username) == (Status.TERMINATED, "alice")
    assert user.user.group.group_name == "Operators"
    assert await users.find_user(user_id) is None


async def test_a_group_with_an_out_of_sync_user_cannot_be_changed(
    worker: None, processes: Processes, users: FakeUserManagement
) -> None:
    group_id = await processes.active_group()
    await users.system.order(Fault(kind="reject", name="alice"))
    parked = await processes.create_user(group_id)
    await processes.until_parked(parked)
    for workflow, fields in (("modify_user_group", {"group_name": "x"}), ("terminate_user_group", {})):
        message = await processes.failure(await processes.start(workflow, group_id, **fields))
        assert "because some related subscriptions are not insync (subscription " in message
        assert f"held by {parked.id}" in message
    await (await processes.start("validate_user_group", group_id)).result()


async def test_a_user_in_an_out_of_sync_group_cannot_be_modified(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group("Here")
    user_id = await processes.active_user(group_id)
    await groups.system.tamper(group_id, {"group_name": "There"})
    await processes.failure(await processes.start("validate_user_group", group_id))
    message = await processes.failure(await processes.start("modify_user", user_id, age=3))
    assert "because some related subscriptions are not insync" in message
    await (await processes.start("validate_user", user_id)).result()


async def not_there(processes: Processes, groups: FakeGroupManagement) -> UUID:
    return uuid4()


async def a_user(processes: Processes, groups: FakeGroupManagement) -> UUID:
    return await processes.active_user(await processes.active_group())


async def terminated(processes: Processes, groups: FakeGroupManagement) -> UUID:
    group_id = await processes.active_group()
    await (await processes.start("terminate_user_group", group_id)).result()
    return group_id


async def held(processes: Processes, groups: FakeGroupManagement) -> UUID:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    await processes.until_parked(await processes.start("modify_user_group", group_id, group_name="Reserved"))
    return group_id


UNFIT = [
    (not_there, "Subscription not found"),
    (a_user, "This workflow is not valid for this subscription"),
    (terminated, "This workflow cannot be started: This subscription can not be modified because of the sta"),
    (held, "This workflow cannot be started: This subscription can not be modified because some related"),
]


@pytest.mark.parametrize(("group", "text"), UNFIT, ids=lambda one: getattr(one, "__name__", ""))
async def test_a_user_cannot_be_created_in_an_unfit_group(
    worker: None, processes: Processes, groups: FakeGroupManagement, group: object, text: str
) -> None:
    group_id = await group(processes, groups)  # type: ignore[operator]
    handle = await processes.create_user(group_id)
    message, row = await processes.failure(handle), await processes.row(handle)
    assert message.startswith(text)
    assert row is not None
    assert (row.status, row.failed_reason) == (ProcessStatus.REFUSED, message)
    assert await processes.subscription(handle) is None


@pytest.mark.parametrize(("group", "text"), UNFIT, ids=lambda one: getattr(one, "__name__", ""))
async def test_a_user_cannot_change_to_an_unfit_group(
    worker: None, processes: Processes, groups: FakeGroupManagement, group: object, text: str
) -> None:
    user_id = await processes.active_user(await processes.active_group())
    group_id = await group(processes, groups)  # type: ignore[operator]
    before = await processes.read(user_id), await depends_on(processes, user_id)
    message = await processes.failure(await processes.start("modify_user", user_id, group=str(group_id)))
    assert message.startswith(text)
    assert (await processes.read(user_id), await depends_on(processes, user_id)) == before


async def test_a_product_of_another_type_is_refused(worker: None, processes: Processes) -> None:
    handle = await processes.create_user(await processes.active_group(), product="User Group")
    message = await processes.failure(handle)
    assert message == (
        "Product not found: 'User Group'; give one of User external, User internal, or the UUID of one"
    )
    assert await processes.row(handle) is None


async def test_a_user_with_a_discrepancy_is_out_of_sync_until_fixed(
    worker: None, processes: Processes, users: FakeUserManagement
) -> None:
    user_id = await processes.active_user(await processes.active_group())
    known = await users.find_user(user_id)
    assert known is not None
    told = known.model_dump(exclude={"user_id"})
    await users.system.tamper(user_id, told | {"username": "mallory", "age": 99})
    message = await processes.failure(await processes.start("validate_user", user_id))
    assert "username is 'alice' in the subscription and 'mallory' in the user management system" in message
    assert "age is None in the subscription and 99 in the user management system" in message
    assert not (await processes.read(user_id)).insync
    await users.system.tamper(user_id, told)
    await (await processes.start("validate_user", user_id)).result()
    assert (await processes.read(user_id)).insync


async def test_many_users_of_one_group_are_created_at_once(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group()
    names = [f"user {number}" for number in range(20)]
    created = await asyncio.gather(*(processes.active_user(group_id, name) for name in names))
    assert await in_use_by(processes, group_id) == sorted(created)
    assert (await processes.read(group_id)).insync
