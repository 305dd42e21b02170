"""Groups on a SCIM server: lost answers, twins, changes by others, and servers that do less."""

import json
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx2
import pytest

from orchestrator.domain.errors import RequestRejected
from services.errors import ExternalSystemUnavailable
from services.fake_faults import Fault
from services.scim import ScimGroups, open_groups, open_users
from services.scim_client import open_scim, path_to
from services.scim_records import Records
from services.scim_resources import EXTENSION, GroupResource
from services.user_management import Account
from trials.http_front import HttpFront, answer, open_front
from trials.scim_server import open_scim_server, url_of


@pytest.fixture(scope="module")
async def bare_server() -> AsyncIterator[int]:
    """The port of a server without the extension, filters and ETags."""
    async with open_scim_server(bare=True) as port:
        yield port


async def post_group(raw: httpx2.AsyncClient, subscription_id: UUID, name: str) -> str:
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name}
    posted = await raw.post("Groups", json=body | {"externalId": str(subscription_id)})
    identity: str = posted.raise_for_status().json()["id"]
    return identity


def changes(front: HttpFront) -> list[str]:
    return [request.method for request in front.requests if request.method != "GET"]


async def test_a_lost_answer_is_found_by_the_next_attempt(front: HttpFront, scim_groups: ScimGroups) -> None:
    front.order(Fault(kind="answer lost", times=1))
    with pytest.raises(ExternalSystemUnavailable, match="cannot be reached"):
        await scim_groups.provision_group(subscription_id := uuid4(), "Ops", token=1)
    made = await scim_groups.find_group(subscription_id)
    assert made is not None
    assert await scim_groups.provision_group(subscription_id, "Ops", token=1) == made
    assert changes(front) == ["POST"]


async def test_a_repeated_call_sends_no_second_change(front: HttpFront, scim_groups: ScimGroups) -> None:
    subscription_id = uuid4()
    for _ in range(2):
        await scim_groups.provision_group(subscription_id, "Ops", token=1)
        await scim_groups.rename_group(subscription_id, "Two", token=1)
        await scim_groups.provision_group(subscription_id, "Ops", token=1)
    assert changes(front) == ["POST", "PATCH"]


@pytest.mark.parametrize("call", ["provision", "rename", "fence"])
async def test_the_older_of_two_groups_counts(
    scim_groups: ScimGroups, raw: httpx2.AsyncClient, call: str
) -> None:
    """A request that was delayed for long created the second."""
    first = await post_group(raw, subscription_id := uuid4(), "Ops")
    second = await post_group(raw, subscription_id, "Ops")
    with pytest.raises(RequestRejected, match=f"has 2 resources Groups .*: {first}, {second}; remove"):
        await scim_groups.find_group(subscription_id)
    if call == "provision":
        await scim_groups.provision_group(subscription_id, "Ops", token=1)
    elif call == "rename":
        await scim_groups.rename_group(subscription_id, "Ops", token=1)
    else:
        await scim_groups.fence(subscription_id, token=1)
    found = await scim_groups.find_group(subscription_id)
    assert found is not None
    assert str(found.group_id) == first
    assert (await raw.get(f"Groups/{second}")).status_code == 404


async def test_deprovisioning_removes_both_of_two_groups(
    scim_groups: ScimGroups, raw: httpx2.AsyncClient
) -> None:
    for _ in range(2):
        await post_group(raw, subscription_id := uuid4(), "Ops")
        await post_group(raw, subscription_id, "Ops")
        await scim_groups.deprovision_group(subscription_id, token=1)
        assert await scim_groups.find_group(subscription_id) is None


async def test_a_change_by_others_meanwhile_is_not_overwritten(scim_groups: ScimGroups, url: str) -> None:
    await scim_groups.provision_group(subscription_id := uuid4(), "Ops", token=1)
    records = Records("there", "Group", GroupResource)
    async with open_scim(url) as client, client.call() as call:
        before = await records.require(call, subscription_id, 1)
        await scim_groups.rename_group(subscription_id, "By others", token=1)
        with pytest.raises(ExternalSystemUnavailable, match=r"\(412\)"):
            await records.change(call, before, {}, {"displayName": "Late"})
        with pytest.raises(ExternalSystemUnavailable, match=r"\(412\)"):
            await records.remove(call, before)
    found = await scim_groups.find_group(subscription_id)
    assert found is not None
    assert found.group_name == "By others"


async def test_a_group_that_others_remove_meanwhile_is_removed(
    scim_groups: ScimGroups, raw: httpx2.AsyncClient, url: str
) -> None:
    group = await scim_groups.provision_group(subscription_id := uuid4(), "Ops", token=1)
    records = Records("there", "Group", GroupResource)
    async with open_scim(url) as client, client.call() as call:
        found = await records.require(call, subscription_id, 1)
        await raw.delete(f"Groups/{group.group_id}")
        await records.remove(call, found)


async def test_a_group_of_others_is_not_seen(scim_groups: ScimGroups, raw: httpx2.AsyncClient) -> None:
    await post_group(raw, uuid4(), "Theirs")
    await scim_groups.deprovision_group(subscription_id := uuid4(), token=1)
    assert await scim_groups.find_group(subscription_id) is None
    assert (await raw.get("Groups")).json()["totalResults"] == 1


async def test_scim_forgets_a_group_that_is_removed(scim_groups: ScimGroups) -> None:
    """The documentation says so: no place is left for a tombstone or a token."""
    await scim_groups.provision_group(subscription_id := uuid4(), "Ops", token=5)
    await scim_groups.deprovision_group(subscription_id, token=6)
    assert (await scim_groups.provision_group(subscription_id, "Again", token=1)).group_name == "Again"


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
    front: HttpFront, scim_groups: ScimGroups
) -> None:
    nothing = answer("200 OK", {"totalResults": 0})
    front.instead = [nothing, answer("404 Not Found"), answer("201 Created", {"id": "1"}), nothing]
    with pytest.raises(ExternalSystemUnavailable, match="does not show"):
        await scim_groups.provision_group(uuid4(), "Ops", token=1)
    assert EXTENSION + "Group" not in json.loads(front.requests[2].body)


def test_an_id_stays_one_part_of_the_path() -> None:
    assert path_to("Group", "a/b?c#d") == "Groups/a%2Fb%3Fc%23d"
