"""The URL of a SCIM server, its token and its certificate."""

import logging
import ssl
import traceback
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
import trustme
from pydantic import SecretStr

from external_systems import open_external_systems
from services.errors import ExternalSystemUnavailable
from services.fake_faults import Fault
from services.scim import ScimGroups, open_groups
from services.scim_client import open_scim
from settings import ConfigurationError, Endpoints, ExternalSystem
from trials.http_front import HttpFront, answer, open_front
from trials.scim_server import TOKEN, url_of

OPENER = "services.scim:open_groups"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("postgresql://worker:opensesame@localhost/subscriptions", "give https://TOKEN@host/path"),
        ("https://opensesame@[::1/v2", "give https://TOKEN@host/path"),
        ("https://user:opensesame@host/v2", "give https://TOKEN@host/path"),
        ("https://host/v2?token=opensesame", "give https://TOKEN@host/path"),
        ("opensesame", "give https://TOKEN@host/path"),
        ("http://opensesame@id.example.com/v2", "give https: with http, anybody"),
        ("https://opensesame%0A@host/v2", "the token may have printable ASCII"),
    ],
)
async def test_a_url_that_does_not_fit_is_refused_unseen(
    endpoints: Endpoints, wrong: str, reason: str
) -> None:
    system = ExternalSystem(name="group_management", opened_by=OPENER, url=SecretStr(wrong))
    configured = endpoints.model_copy(update={"external_systems": (system,)})
    with pytest.raises(ConfigurationError, match=f"GROUP_MANAGEMENT_URL: {reason}") as refused:
        await open_external_systems(configured).__aenter__()
    assert "opensesame" not in str(refused.value)


async def test_without_a_url_the_one_of_the_database_is_refused(endpoints: Endpoints) -> None:
    system = ExternalSystem(name="group_management", opened_by=OPENER)
    configured = endpoints.model_copy(update={"external_systems": (system,)})
    with pytest.raises(ConfigurationError, match="GROUP_MANAGEMENT_URL: give https://TOKEN@host/path"):
        await open_external_systems(configured).__aenter__()


@pytest.mark.parametrize("url", ["http://localhost:1/v2", "http://[::1]:1/v2", "http://id.example.com/v2"])
async def test_a_url_without_token_or_on_this_machine_may_be_http(url: str) -> None:
    async with open_scim(url.replace("localhost", "token@localhost")) as client:
        assert client.name.startswith("The SCIM server ")


async def test_a_token_may_hold_any_printable_character(front: HttpFront) -> None:
    token = "a/b:c@d?e#f g%"
    front.instead = [answer("200 OK", {"totalResults": 0})]
    async with open_groups(f"http://{quote(token, safe='')}@127.0.0.1:{front.port}/v2") as groups:
        await groups.find_group(uuid4())
    assert f"authorization: Bearer {token}".lower() in front.requests[0].head.lower()


async def test_no_log_shows_the_token(
    front: HttpFront, scim_groups: ScimGroups, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await scim_groups.provision_group(uuid4(), "Ops", token=1)
    front.order(Fault(kind="unreachable", times=1))
    with pytest.raises(ExternalSystemUnavailable) as failed:
        await scim_groups.find_group(uuid4())
    shown = "".join(traceback.format_exception(failed.value)) + repr(failed.value) + repr(scim_groups)
    assert "httpx2" in caplog.text or "httpcore2" in caplog.text
    assert TOKEN in front.requests[0].head
    assert TOKEN not in caplog.text + shown


async def test_the_certificate_of_the_server_is_checked(
    scim_server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    async with open_front(scim_server, context) as front:
        url = url_of(front.port, uuid4().hex).replace("http:", "https:")
        trusted = await reached(url.replace("127.0.0.1", "localhost"), authority, tmp_path, monkeypatch)
        assert trusted == "yes"
        assert "certificate verify failed" in await reached(url, authority, tmp_path, monkeypatch)
        untrusted = await reached(url.replace("127.0.0.1", "localhost"), other, tmp_path, monkeypatch)
        assert "certificate verify failed" in untrusted
    assert len(front.requests) == 1


async def reached(url: str, trusted: trustme.CA, directory: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return "yes", or why the server cannot be reached by who trusts this authority."""
    trusted.cert_pem.write_to_path(str(directory / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(directory / "ca.pem"))
    async with open_groups(url) as groups:
        try:
            await groups.find_group(uuid4())
        except ExternalSystemUnavailable as error:
            return str(error)
    return "yes"
