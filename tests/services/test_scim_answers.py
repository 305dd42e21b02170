"""What the answers of a SCIM server mean, and how long a call waits for them."""

import time
from datetime import timedelta
from uuid import uuid4

import pytest

from orchestrator.domain.errors import RequestRejected
from services.errors import ExternalSystemUnavailable
from services.fake_faults import Fault
from services.group_management import Group
from services.scim import ScimGroups, open_groups
from services.scim_client import ScimClient, open_scim
from services.scim_resources import EXTENSION
from trials.http_front import HttpFront, answer
from trials.scim_server import TOKEN


@pytest.mark.parametrize("status", ["301 Moved", "400 Bad", "403 No", "404 None", "413 Big", "501 Not so"])
async def test_a_final_answer_rejects_the_request(
    front: HttpFront, scim_groups: ScimGroups, status: str
) -> None:
    front.instead = [answer(status, {"detail": "because\nof this", "scimType": "sensitive"})] * 2
    with pytest.raises(RequestRejected) as rejected:
        await scim_groups.find_group(uuid4())
    expected = f"rejects GET Groups ({status[:3]} sensitive): because�of this"
    assert str(rejected.value) == f"The SCIM server 127.0.0.1 {expected}"
    assert type(rejected.value) is RequestRejected  # its name is what programs rely on


@pytest.mark.parametrize("status", [401, 408, 412, 425, 429, 500, 502, 503, 504, 507])
async def test_a_passing_answer_is_an_outage(front: HttpFront, scim_groups: ScimGroups, status: int) -> None:
    front.instead = [answer(f"{status} Later", b"<html>")]
    with pytest.raises(ExternalSystemUnavailable, match=rf"cannot do GET Groups now \({status}\): Later"):
        await scim_groups.find_group(uuid4())


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("7", 7), ("0", None), ("86400", 600), ("soon", None), ("9" * 500, 600)],
)
async def test_a_server_says_how_long_to_wait(
    front: HttpFront, scim_groups: ScimGroups, asked: str, seconds: int | None
) -> None:
    front.instead = [answer("429 Too Many Requests", Retry_After=asked)]
    with pytest.raises(ExternalSystemUnavailable) as busy:
        await scim_groups.find_group(uuid4())
    assert busy.value.retry_after == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "broken",
    [b"", b"no HTTP", answer("200 OK", b"<html>"), answer("200 OK", {}), answer("200 OK", [1])],
    ids=str,
)
async def test_a_broken_answer_is_an_outage(front: HttpFront, scim_groups: ScimGroups, broken: bytes) -> None:
    front.instead = [broken]
    with pytest.raises(ExternalSystemUnavailable, match="The SCIM server"):
        await scim_groups.find_group(uuid4())


async def test_a_group_without_a_name_is_a_broken_answer(front: HttpFront, scim_groups: ScimGroups) -> None:
    listed = {"totalResults": 1, "Resources": [{"id": "1", "externalId": str(subscription_id := uuid4())}]}
    front.instead = [answer("200 OK", listed)]
    with pytest.raises(ExternalSystemUnavailable, match="GroupResource without a valid displayName"):
        await scim_groups.find_group(subscription_id)


async def test_nothing_listens_there() -> None:
    async with open_groups("http://127.0.0.1:1/v2") as groups:
        with pytest.raises(ExternalSystemUnavailable, match=r"cannot be reached \(.+\)"):
            await groups.find_group(uuid4())


async def test_a_refused_token_waits_for_an_operator(url: str) -> None:
    async with open_groups(url.replace(TOKEN, "another-token")) as groups:
        with pytest.raises(ExternalSystemUnavailable, match=r"\(401\)") as refused:
            await groups.provision_group(uuid4(), "Ops", token=1)
    assert "another-token" not in str(refused.value)


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


async def test_a_server_may_leave_out_or_write_null(front: HttpFront, scim_groups: ScimGroups) -> None:
    """And one that writes ids as numbers is understood, too."""
    group = {"id": 17, "externalId": str(subscription_id := uuid4()), "displayName": "Ops"}
    nothing = {"meta": None, "members": None, "unknown": 1, f"{EXTENSION}Group": None}
    listed = {"totalResults": 1, "Resources": [group | nothing]}
    empty = {"totalResults": 0, "Resources": None}
    front.instead = [answer("200 OK", one) for one in (listed, empty)]
    assert await scim_groups.find_group(subscription_id) == Group(group_id=17, group_name="Ops")
    assert await scim_groups.find_group(subscription_id) is None
