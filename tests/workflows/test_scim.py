"""Processes on a SCIM server, from the form to the server and back."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest
from temporalio.client import WorkflowFailureError

from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from products.product_types.user import User
from products.product_types.user_group import UserGroup
from services.fake_faults import Fault
from services.scim import ScimGroups, ScimUsers, open_groups, open_users
from settings import Endpoints
from tests.processes import Processes, eventually
from tests.services.scim import on_scim
from trials.http_front import HttpFront, answer, open_front
from trials.scim_server import TOKEN


@pytest.fixture
async def front(scim_server: int) -> AsyncIterator[HttpFront]:
    async with open_front(scim_server) as front:
        yield front


@pytest.fixture
def url(endpoints: Endpoints) -> str:
    return endpoints.url_of(endpoints.external_systems[0])


# The worker and its companions take these endpoints instead.
@pytest.fixture
def endpoints(endpoints: Endpoints, front: HttpFront) -> Endpoints:
    return on_scim(endpoints, front.port)


@pytest.fixture
async def groups(url: str) -> AsyncIterator[ScimGroups]:
    async with open_groups(url) as groups:
        yield groups


@pytest.fixture
async def users(url: str) -> AsyncIterator[ScimUsers]:
    async with open_users(url) as users:
        yield users


async def test_a_group_and_a_user_live_and_end(
    worker: None, processes: Processes, groups: ScimGroups, users: ScimUsers
) -> None:
    group_id = await processes.active_group("Operators")
    other_id = await processes.active_group("Others")
    user_id = await processes.active_user(group_id, "alice", age=42)
    await (await processes.start("modify_user_group", group_id, group_name="Engineers")).result()
    moved = {"username": "bob", "age": None, "group": str(other_id)}
    await (await processes.start("modify_user", user_id, **moved)).result()
    for one, workflow in ((group_id, "validate_user_group"), (user_id, "validate_user")):
        await (await processes.start(workflow, one)).result()

    group, other, user = [await processes.read(one) for one in (group_id, other_id, user_id)]
    assert isinstance(group, UserGroup)
    assert isinstance(other, UserGroup)
    assert isinstance(user, User)
    found, found_user = await groups.find_group(group_id), await users.find_user(user_id)
    assert found is not None
    assert found_user is not None
    assert found.model_dump() == group.user_group.model_dump()
    assert isinstance(group.user_group.group_id, str)
    assert (found_user.user_id, found_user.username, found_user.age) == (user.user.user_id, "bob", None)
    assert found_user.group_id == other.user_group.group_id

    for workflow, one in (("user", user_id), ("user_group", group_id), ("user_group", other_id)):
        await (await processes.start(f"terminate_{workflow}", one)).result()
    assert await users.find_user(user_id) is None
    assert await groups.find_group(group_id) is None
    assert (await processes.read(user_id)).status is Status.TERMINATED


async def test_a_validation_finds_what_somebody_changed(
    worker: None, processes: Processes, groups: ScimGroups
) -> None:
    group_id = await processes.active_group("Operators")
    await groups.rename_group(group_id, "By hand", token=1000)
    with pytest.raises(WorkflowFailureError) as failed:
        await (await processes.start("validate_user_group", group_id)).result()
    expected = "group_name is 'Operators' in the subscription and 'By hand' in the group management system"
    assert expected in str(failed.value.cause)


async def test_a_validation_parks_on_a_second_group(worker: None, processes: Processes, url: str) -> None:
    group_id = await processes.active_group("Operators")
    group = {"displayName": "Operators", "externalId": str(group_id)}
    schemas = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"]}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/scim+json"}
    there = url.replace(f"{TOKEN}@", "") + "/Groups"
    async with httpx2.AsyncClient(headers=headers) as http:
        second = (await http.post(there, json=group | schemas)).json()["id"]
        handle = await processes.start("validate_user_group", group_id)
        await processes.until_parked(handle, seconds=60)
        details = await processes.details(handle)
        assert f"has 2 resources Groups with externalId {group_id}: " in details
        assert second in details
        await http.delete(f"{there}/{second}")
    await processes.retry(handle)
    await handle.result()


async def test_lost_answers_leave_one_group(
    worker: None, processes: Processes, groups: ScimGroups, front: HttpFront
) -> None:
    front.order(Fault(kind="answer lost", times=2))
    handle = await processes.create_user_group("Operators")
    created = await handle.result()
    found = await groups.find_group(created.subscription_id)  # it refuses two
    assert found is not None
    assert found.group_id == created.user_group.group_id


async def test_an_aborted_modify_leaves_the_name_of_before(
    worker: None, processes: Processes, groups: ScimGroups, front: HttpFront
) -> None:
    group_id = await processes.active_group("Operators")
    front.order(Fault(kind="reject"))
    handle = await processes.start("modify_user_group", group_id, group_name="Engineers")
    await processes.until_parked(handle)
    front.clear()
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    found = await groups.find_group(group_id)
    assert found is not None
    assert found.group_name == "Operators"


async def test_a_group_made_by_hand_is_adopted(
    worker: None, processes: Processes, groups: ScimGroups, front: HttpFront
) -> None:
    front.order(Fault(kind="reject"))
    handle = await processes.create_user_group("Security")
    await processes.until_parked(handle)
    front.clear()
    made = await groups.provision_group(processes.subscription_id(handle), "Security", token=1)
    assert await handle.execute_update("adopt", {"by": "alice"}) == "Provision user group: adopted"
    assert (await handle.result()).user_group.group_id == made.group_id


async def test_an_aborted_create_leaves_no_group(
    worker: None, processes: Processes, groups: ScimGroups, front: HttpFront
) -> None:
    front.order(Fault(kind="answer lost"))  # the group is made, and no worker knows
    handle = await processes.create_user_group("Operators")
    await eventually(lambda: groups.find_group(processes.subscription_id(handle)), seconds=60)
    await handle.cancel()
    front.clear()
    await processes.until_closed(handle)
    row = await processes.row(handle)
    assert row is not None
    assert row.status is ProcessStatus.ABORTED
    assert await groups.find_group(processes.subscription_id(handle)) is None


async def test_a_refused_token_delays_and_parks_nothing(
    worker: None, processes: Processes, front: HttpFront
) -> None:
    front.instead = [answer("401 Unauthorized", {"detail": "expired"})]
    handle = await processes.create_user_group("Operators")
    assert (await handle.result()).status is Status.ACTIVE
    assert await processes.events(handle) == []


async def test_a_busy_server_is_left_alone_as_long_as_it_asks(
    worker: None, processes: Processes, front: HttpFront
) -> None:
    """Ten minutes, of a clock that skips; by itself Temporal would wait one second."""
    front.instead = [answer("429 Too Many Requests", Retry_After="600")]
    handle = await processes.create_user_group("Operators")
    await handle.result()
    description = await handle.describe()
    assert description.close_time is not None
    assert description.close_time - description.start_time >= timedelta(minutes=10)
