"""Groups and users on a SCIM server: what goes wrong, and what servers leave out."""

import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from orchestrator.domain.errors import RequestRejected
from services.errors import ExternalSystemUnavailable
from services.fake_faults import Fault
from services.scim import ScimGroups, ScimUsers, open_groups, open_users
from services.scim_client import ScimClient, open_scim, path_to
from services.scim_records import Records
from services.scim_resources import EXTENSION, GroupResource
from services.user_management import Account
from trials.http_front import HttpFront, answer, open_front
from trials.scim_server import TOKEN, open_scim_server, url_of


@pytest.fixture(scope="module")
async def bare_server() -> AsyncIterator[int]:
    """The port of a server without the extension, filters and ETags."""
    async with open_scim_server(bare=True) as port:
        yield port


@pytest.fixture
async def front(scim_server: int) -> AsyncIterator[HttpFront]:
    async with open_front(scim_server) as front:
        yield front


@pytest.fixture
def url(front: HttpFront) -> str:
    return url_of(front.port, uuid4().hex)


@pytest.fixture
async def groups(url: str) -> AsyncIterator[ScimGroups]:
    async with open_groups(url) as groups:
        yield groups


@pytest.fixture
async def users(url: str) -> AsyncIterator[ScimUsers]:
    async with open_users(url) as users:
        yield users


@pytest.fixture
async def raw(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """The same server, for another client."""
    where = httpx2.URL(url)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/scim+json"}
    async with httpx2.AsyncClient(base_url=where.copy_with(userinfo=b""), headers=headers) as http:
        yield http


async def post_group(raw: httpx2.AsyncClient, subscription_id: UUID, name: str) -> str:
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name}
    posted = await raw.post("Groups", json=body | {"externalId": str(subscription_id)})
    identity: str = posted.raise_for_status().json()["id"]
    return identity


async def new_account(groups: ScimGroups, age: int | None = 42) -> Account:
    group = await groups.provision_group(uuid4(), "Ops", token=1)
    return Account(username="alice", age=age, affiliation="internal", group_id=group.group_id)


def changes(front: HttpFront) -> list[str]:
    return [request.method for request in front.requests if request.method != "GET"]


# What answers mean


@pytest.mark.parametrize("status", ["301 Moved", "400 Bad", "403 No", "404 None", "413 Big", "501 Not so"])
async def test_a_final_answer_rejects_the_request(front: HttpFront, groups: ScimGroups, status: str) -> None:
    groups_path = "rejects GET Groups"
    front.instead = [answer(status, {"detail": "because\nof this", "scimType": "sensitive"})] * 2
    with pytest.raises(RequestRejected) as rejected:
        await groups.find_group(uuid4())
    expected = f"{groups_path} ({status[:3]} sensitive): because�of this"
    assert str(rejected.value) == f"the SCIM server 127.0.0.1 {expected}"
    assert type(rejected.value) is RequestRejected  # its name is what programs rely on


@pytest.mark.parametrize("status", [401, 408, 412, 425, 429, 500, 502, 503, 504, 507])
async def test_a_passing_answer_is_an_outage(front: HttpFront, groups: ScimGroups, status: int) -> None:
    front.instead = [answer(f"{status} Later", b"<html>")]
    with pytest.raises(ExternalSystemUnavailable, match=rf"cannot do GET Groups now \({status}\): Later"):
        await groups.find_group(uuid4())


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("7", 7), ("0", None), ("86400", 600), ("soon", None), ("9" * 500, 600)],
)
async def test_a_server_says_how_long_to_wait(
    front: HttpFront, groups: ScimGroups, asked: str, seconds: int | None
) -> None:
    front.instead = [answer("429 Too Many Requests", Retry_After=asked)]
    with pytest.raises(ExternalSystemUnavailable) as busy:
        await groups.find_group(uuid4())
    assert busy.value.retry_after == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "broken",
    [b"", b"no HTTP", answer("200 OK", b"<html>"), answer("200 OK", {}), answer("200 OK", [1])],
    ids=str,
)
async def test_a_broken_answer_is_an_outage(front: HttpFront, groups: ScimGroups, broken: bytes) -> None:
    front.instead = [broken]
    with pytest.raises(ExternalSystemUnavailable, match="the SCIM server"):
        await groups.find_group(uuid4())


async def test_a_group_without_a_name_is_a_broken_answer(front: HttpFront, groups: ScimGroups) -> None:
    listed = {"totalResults": 1, "Resources": [{"id": "1", "externalId": str(subscription_id := uuid4())}]}
    front.instead = [answer("200 OK", listed)]
    with pytest.raises(ExternalSystemUnavailable, match="GroupResource without a valid displayName"):
        await groups.find_group(subscription_id)


async def test_nothing_listens_there() -> None:
    async with open_groups("http://127.0.0.1:1/v2") as groups:
        with pytest.raises(ExternalSystemUnavailable, match=r"cannot be reached \(.+\)"):
            await groups.find_group(uuid4())


async def test_a_refused_token_waits_for_an_operator(url: str) -> None:
    async with open_groups(url.replace(TOKEN, "another-token")) as groups:
        with pytest.raises(ExternalSystemUnavailable, match=r"\(401\)") as refused:
            await groups.provision_group(uuid4(), "Ops", token=1)
    assert "another-token" not in str(refused.value)


# Time


async def test_a_slow_answer_ends_the_call(front: HttpFront, url: str) -> None:
    front.order(Fault(kind="slow", seconds=60, times=1))
    async with open_scim(url) as client:
        groups = ScimGroups(ScimClient(client._http, longest_call=0.2))
        with pytest.raises(ExternalSystemUnavailable, match="did not answer in time"):
            await groups.find_group(uuid4())


async def test_a_call_that_was_frozen_sends_nothing_more(front: HttpFront, url: str) -> None:
    """Temporal has given its work to another worker long ago."""
    async with open_scim(url) as client, ScimClient(client._http, longest_call=0.2).call() as call:
        time.sleep(0.3)  # noqa: ASYNC251  # freezes everything
        with pytest.raises(ExternalSystemUnavailable, match="this call sends nothing more"):
            await call.post("Groups", {})
    assert front.requests == []


# Lost answers, twins, and changes by others


async def test_a_lost_answer_is_found_by_the_next_attempt(front: HttpFront, groups: ScimGroups) -> None:
    front.order(Fault(kind="answer lost", times=1))
    with pytest.raises(ExternalSystemUnavailable, match="cannot be reached"):
        await groups.provision_group(subscription_id := uuid4(), "Ops", token=1)
    made = await groups.find_group(subscription_id)
    assert made is not None
    assert await groups.provision_group(subscription_id, "Ops", token=1) == made
    assert changes(front) == ["POST"]


async def test_a_repeated_call_sends_no_second_change(front: HttpFront, groups: ScimGroups) -> None:
    subscription_id = uuid4()
    for _ in range(2):
        await groups.provision_group(subscription_id, "Ops", token=1)
        await groups.rename_group(subscription_id, "Two", token=1)
        await groups.provision_group(subscription_id, "Ops", token=1)
    assert changes(front) == ["POST", "PATCH"]


@pytest.mark.parametrize("call", ["provision", "rename", "fence"])
async def test_the_older_of_two_groups_counts(groups: ScimGroups, raw: httpx2.AsyncClient, call: str) -> None:
    """A request that was delayed for long created the second."""
    first = await post_group(raw, subscription_id := uuid4(), "Ops")
    second = await post_group(raw, subscription_id, "Ops")
    with pytest.raises(RequestRejected, match=f"has 2 resources Groups .*: {first}, {second}; remove"):
        await groups.find_group(subscription_id)
    if call == "provision":
        await groups.provision_group(subscription_id, "Ops", token=1)
    elif call == "rename":
        await groups.rename_group(subscription_id, "Ops", token=1)
    else:
        await groups.fence(subscription_id, token=1)
    found = await groups.find_group(subscription_id)
    assert found is not None
    assert str(found.group_id) == first
    assert (await raw.get(f"Groups/{second}")).status_code == 404


async def test_deprovisioning_removes_both_of_two_groups(groups: ScimGroups, raw: httpx2.AsyncClient) -> None:
    for _ in range(2):
        await post_group(raw, subscription_id := uuid4(), "Ops")
        await post_group(raw, subscription_id, "Ops")
        await groups.deprovision_group(subscription_id, token=1)
        assert await groups.find_group(subscription_id) is None


async def test_a_change_by_others_meanwhile_is_not_overwritten(groups: ScimGroups, url: str) -> None:
    await groups.provision_group(subscription_id := uuid4(), "Ops", token=1)
    records = Records("there", "Group", GroupResource)
    async with open_scim(url) as client, client.call() as call:
        before = await records.require(call, subscription_id, 1)
        await groups.rename_group(subscription_id, "By others", token=1)
        with pytest.raises(ExternalSystemUnavailable, match=r"\(412\)"):
            await records.change(call, before, {}, {"displayName": "Late"})
        with pytest.raises(ExternalSystemUnavailable, match=r"\(412\)"):
            await records.remove(call, before)
    found = await groups.find_group(subscription_id)
    assert found is not None
    assert found.group_name == "By others"


async def test_a_group_of_others_is_not_seen(groups: ScimGroups, raw: httpx2.AsyncClient) -> None:
    await post_group(raw, uuid4(), "Theirs")
    await groups.deprovision_group(subscription_id := uuid4(), token=1)
    assert await groups.find_group(subscription_id) is None
    assert (await raw.get("Groups")).json()["totalResults"] == 1


async def test_scim_forgets_a_group_that_is_removed(groups: ScimGroups) -> None:
    """The documentation says so: no place is left for a tombstone or a token."""
    await groups.provision_group(subscription_id := uuid4(), "Ops", token=5)
    await groups.deprovision_group(subscription_id, token=6)
    assert (await groups.provision_group(subscription_id, "Again", token=1)).group_name == "Again"


# Users and their groups


async def test_a_name_that_is_taken_is_rejected(groups: ScimGroups, users: ScimUsers) -> None:
    account = await new_account(groups)
    await users.provision_user(uuid4(), account, token=1)
    with pytest.raises(RequestRejected, match=r"rejects POST Users \(409 uniqueness\)"):
        await users.provision_user(uuid4(), account, token=1)


async def test_a_user_is_a_member_of_its_group_only(
    groups: ScimGroups, users: ScimUsers, raw: httpx2.AsyncClient
) -> None:
    account, other = await new_account(groups), await new_account(groups)
    user = await users.provision_user(subscription_id := uuid4(), account, token=1)
    members = await members_of(raw, account.group_id, other.group_id)
    assert members == [[str(user.user_id)], []]
    await users.change_user(subscription_id, other, token=2)
    assert await members_of(raw, account.group_id, other.group_id) == [[], [str(user.user_id)]]
    await users.deprovision_user(subscription_id, token=2)
    assert await members_of(raw, account.group_id, other.group_id) == [[], []]


async def members_of(raw: httpx2.AsyncClient, *group_ids: object) -> list[list[str]]:
    found = [(await raw.get(f"Groups/{one}")).json().get("members", []) for one in group_ids]
    return [[member["value"] for member in members] for members in found]


async def test_a_member_whom_somebody_removed_is_in_no_group(
    groups: ScimGroups, users: ScimUsers, raw: httpx2.AsyncClient
) -> None:
    account = await new_account(groups)
    await users.provision_user(subscription_id := uuid4(), account, token=1)
    await patch(raw, f"Groups/{account.group_id}", {"op": "remove", "path": "members"})
    found = await users.find_user(subscription_id)
    assert found is not None
    assert found.group_id is None
    await users.change_user(subscription_id, account, token=2)  # what restores it
    assert (await users.find_user(subscription_id)) == found.model_copy(update={"group_id": account.group_id})


async def patch(raw: httpx2.AsyncClient, path: str, operation: dict[str, Any]) -> None:
    schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
    answered = await raw.patch(path, json={"schemas": schemas, "Operations": [operation]})
    answered.raise_for_status()


async def test_a_user_whose_group_is_gone_can_be_removed(groups: ScimGroups, users: ScimUsers) -> None:
    group = await groups.provision_group(of_group := uuid4(), "Ops", token=1)
    account = Account(username="alice", age=None, affiliation="internal", group_id=group.group_id)
    await users.provision_user(subscription_id := uuid4(), account, token=1)
    await groups.deprovision_group(of_group, token=1)
    found = await users.find_user(subscription_id)
    assert found is not None
    assert found.group_id is None
    await users.deprovision_user(subscription_id, token=1)
    assert await users.find_user(subscription_id) is None


async def test_a_user_of_an_unknown_group_is_rejected(users: ScimUsers) -> None:
    account = Account(username="alice", age=None, affiliation="internal", group_id=17)
    with pytest.raises(RequestRejected, match=r"rejects PATCH Groups/17 \(404\)"):
        await users.provision_user(uuid4(), account, token=1)


@pytest.mark.parametrize("lost", range(1, 7))
async def test_a_move_that_ends_anywhere_is_completed_by_the_next(
    front: HttpFront, groups: ScimGroups, users: ScimUsers, raw: httpx2.AsyncClient, lost: int
) -> None:
    account, other = await new_account(groups), await new_account(groups)
    user = await users.provision_user(subscription_id := uuid4(), account, token=1)
    front.fail_at(lost)
    with pytest.raises(ExternalSystemUnavailable, match="cannot be reached"):
        await users.change_user(subscription_id, other, token=2)
    await users.change_user(subscription_id, other, token=2)
    assert await members_of(raw, account.group_id, other.group_id) == [[], [str(user.user_id)]]


# Servers that do less


async def test_a_server_without_filters_is_read_page_by_page(bare_server: int) -> None:
    async with open_front(bare_server) as front, open_groups(url_of(front.port, uuid4().hex)) as groups:
        made = {id_: await groups.provision_group(id_, "Ops", token=1) for id_ in (uuid4() for _ in range(5))}
        front.requests.clear()
        assert {one: await groups.find_group(one) for one in made} == made
        assert await groups.find_group(uuid4()) is None
    assert len(front.requests) == 6 * (1 + 3)  # two on a page


async def test_a_server_without_the_extension_compares_no_tokens(bare_server: int) -> None:
    async with open_groups(url_of(bare_server, uuid4().hex)) as groups:
        await groups.provision_group(subscription_id := uuid4(), "Ops", token=5)
        await groups.fence(subscription_id, token=6)
        assert (await groups.rename_group(subscription_id, "Late", token=1)).group_name == "Late"
        await groups.deprovision_group(subscription_id, token=1)
        assert await groups.find_group(subscription_id) is None


async def test_users_need_the_extension(bare_server: int) -> None:
    async with open_users(url_of(bare_server, uuid4().hex)) as users:
        account = Account(username="alice", age=None, affiliation="internal", group_id="1")
        with pytest.raises(RequestRejected, match=f"does not store the extension {EXTENSION}User"):
            await users.provision_user(uuid4(), account, token=1)


async def test_a_server_that_does_not_describe_itself_has_no_extension(
    front: HttpFront, groups: ScimGroups
) -> None:
    nothing = answer("200 OK", {"totalResults": 0})
    front.instead = [nothing, answer("404 Not Found"), answer("201 Created", {"id": "1"}), nothing]
    with pytest.raises(ExternalSystemUnavailable, match="does not show"):
        await groups.provision_group(uuid4(), "Ops", token=1)
    assert EXTENSION + "Group" not in json.loads(front.requests[2].body)


def test_an_id_stays_one_part_of_the_path() -> None:
    assert path_to("Group", "a/b?c#d") == "Groups/a%2Fb%3Fc%23d"
