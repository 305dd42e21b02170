"""Users on a SCIM server: their values, and the group that they are members of."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from orchestrator.domain.errors import RequestRejected
from services.errors import ExternalSystemUnavailable
from services.scim import ScimGroups, ScimUsers
from services.user_management import Account
from trials.http_front import HttpFront, answer


async def new_account(groups: ScimGroups, age: int | None = 42) -> Account:
    group = await groups.provision_group(uuid4(), "Ops", token=1)
    return Account(username="alice", age=age, affiliation="internal", group_id=group.group_id)


async def test_a_name_that_is_taken_is_rejected(scim_groups: ScimGroups, scim_users: ScimUsers) -> None:
    account = await new_account(scim_groups)
    await scim_users.provision_user(uuid4(), account, token=1)
    with pytest.raises(RequestRejected, match=r"rejects POST Users \(409 uniqueness\)"):
        await scim_users.provision_user(uuid4(), account, token=1)


async def test_a_user_is_a_member_of_its_group_only(
    scim_groups: ScimGroups, scim_users: ScimUsers, raw: httpx2.AsyncClient
) -> None:
    account, other = await new_account(scim_groups), await new_account(scim_groups)
    user = await scim_users.provision_user(subscription_id := uuid4(), account, token=1)
    members = await members_of(raw, account.group_id, other.group_id)
    assert members == [[str(user.user_id)], []]
    await scim_users.change_user(subscription_id, other, token=2)
    assert await members_of(raw, account.group_id, other.group_id) == [[], [str(user.user_id)]]
    await scim_users.deprovision_user(subscription_id, token=2)
    assert await members_of(raw, account.group_id, other.group_id) == [[], []]


async def members_of(raw: httpx2.AsyncClient, *group_ids: object) -> list[list[str]]:
    found = [(await raw.get(f"Groups/{one}")).json().get("members", []) for one in group_ids]
    return [[member["value"] for member in members] for members in found]


async def test_a_member_whom_somebody_removed_is_in_no_group(
    scim_groups: ScimGroups, scim_users: ScimUsers, raw: httpx2.AsyncClient
) -> None:
    account = await new_account(scim_groups)
    await scim_users.provision_user(subscription_id := uuid4(), account, token=1)
    await patch(raw, f"Groups/{account.group_id}", {"op": "remove", "path": "members"})
    found = await scim_users.find_user(subscription_id)
    assert found is not None
    assert found.group_id is None
    await scim_users.change_user(subscription_id, account, token=2)  # what restores it
    assert (await scim_users.find_user(subscription_id)) == found.model_copy(
        update={"group_id": account.group_id}
    )


async def patch(raw: httpx2.AsyncClient, path: str, operation: dict[str, Any]) -> None:
    schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
    answered = await raw.patch(path, json={"schemas": schemas, "Operations": [operation]})
    answered.raise_for_status()


async def test_a_user_whose_group_is_gone_can_be_removed(
    scim_groups: ScimGroups, scim_users: ScimUsers
) -> None:
    group = await scim_groups.provision_group(of_group := uuid4(), "Ops", token=1)
    account = Account(username="alice", age=None, affiliation="internal", group_id=group.group_id)
    await scim_users.provision_user(subscription_id := uuid4(), account, token=1)
    await scim_groups.deprovision_group(of_group, token=1)
    found = await scim_users.find_user(subscription_id)
    assert found is not None
    assert found.group_id is None
    await scim_users.deprovision_user(subscription_id, token=1)
    assert await scim_users.find_user(subscription_id) is None


async def test_a_user_of_an_unknown_group_is_rejected(scim_users: ScimUsers) -> None:
    account = Account(username="alice", age=None, affiliation="internal", group_id=17)
    with pytest.raises(RequestRejected, match=r"rejects PATCH Groups/17 \(404\)"):
        await scim_users.provision_user(uuid4(), account, token=1)


@pytest.mark.parametrize("lost", range(1, 7))
async def test_a_move_that_ends_anywhere_is_completed_by_the_next(
    front: HttpFront, scim_groups: ScimGroups, scim_users: ScimUsers, raw: httpx2.AsyncClient, lost: int
) -> None:
    account, other = await new_account(scim_groups), await new_account(scim_groups)
    user = await scim_users.provision_user(subscription_id := uuid4(), account, token=1)
    front.fail_at(lost)
    with pytest.raises(ExternalSystemUnavailable, match="cannot be reached"):
        await scim_users.change_user(subscription_id, other, token=2)
    await scim_users.change_user(subscription_id, other, token=2)
    assert await members_of(raw, account.group_id, other.group_id) == [[], [str(user.user_id)]]


async def test_a_conflict_with_an_earlier_attempt_is_none(
    front: HttpFront, scim_groups: ScimGroups, scim_users: ScimUsers
) -> None:
    """The earlier attempt creates the user after this one has looked."""
    account = await new_account(scim_groups)
    user = await scim_users.provision_user(subscription_id := uuid4(), account, token=1)
    front.instead = [answer("200 OK", {"totalResults": 0})]
    assert await scim_users.provision_user(subscription_id, account, token=1) == user
