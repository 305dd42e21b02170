"""TLS to PostgreSQL and, with certificates on both sides, to Temporal; untrusted ones are refused."""

import sys

import pytest

from cli.commands import run
from orchestrator.database.connection import DatabaseUnreachable, connect
from orchestrator.temporal import connection as temporal
from orchestrator.temporal.connection import TemporalUnreachable
from settings import ConfigurationError, Endpoints, Settings
from tests.security.conftest import PLANTED, Fronts
from tests.security.programs import set_environment
from worker import main

pytestmark = pytest.mark.filterwarnings("ignore:unclosed")  # see the conftest


async def test_postgresql_is_reached_by_its_url(fronts: Fronts) -> None:
    connection = await connect(fronts.url())
    assert await connection.fetchval("SELECT current_user") == fronts.roles["worker"]
    await connection.close()


async def test_postgresql_is_reached_by_the_variables_of_libpq(
    fronts: Fronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = fronts.url().partition("?")[0]
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    monkeypatch.setenv("PGSSLROOTCERT", str(fronts.files / "ca.pem"))
    await (await connect(url)).close()
    monkeypatch.setenv("PGSSLROOTCERT", str(fronts.files / "other-ca.pem"))
    with pytest.raises(DatabaseUnreachable, match="its certificate is refused"):
        await connect(url)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"sslrootcert": "other-ca.pem"},
            "its certificate is refused: unable to get local issuer certificate",
        ),
        ({"host": "127.0.0.1"}, "its certificate is refused: IP address mismatch"),
        ({"sslrootcert": "missing.pem"}, "sslrootcert, sslcert or sslkey: No such file or directory"),
        ({"sslrootcert": "no.pem"}, "TLS fails: no certificate or crl found; see sslrootcert"),
        ({"sslcert": "no.pem"}, "TLS fails: a file is not in PEM format; see sslrootcert"),
        ({"sslcert": "client.pem", "sslkey": "other-client.key"}, "TLS fails: key values mismatch; see"),
        ({"sslmode": "very"}, "`sslmode` parameter must be one of: disable,"),
        ({"password": "guessed"}, "password authentication failed for user"),
    ],
    ids=str,
)
async def test_a_postgresql_error_names_address_and_reason(
    change: dict[str, str], reason: str, fronts: Fronts
) -> None:
    there = {
        name: str(fronts.files / value) if "." in value[-4:] else value for name, value in change.items()
    }
    with pytest.raises(DatabaseUnreachable) as refusal:
        await connect(fronts.url(**({"host": change["host"]} if "host" in change else there)))
    assert (
        f"{change.get('host', 'localhost')}:{fronts.postgres_port}, database {fronts.database} ({reason}"
        in str(refusal.value)
    )


async def test_temporal_receives_the_certificate_and_the_api_key(
    fronts: Fronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(monkeypatch, fronts.environment())
    fronts.seen.clear()
    client = await temporal.connect(Settings.from_environment().temporal)
    assert await client.service_client.check_health()
    assert huffman(f"Bearer {PLANTED}") in fronts.seen


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"SERVER_CA_CERT_PATH": "other-ca.pem"},
            "its certificate is not signed by a trusted authority",
        ),
        ({"SERVER_NAME": "elsewhere"}, "its certificate is for another name: localhost"),
        (
            {"CLIENT_CERT_PATH": None, "CLIENT_KEY_PATH": None},
            "it closes the connection; it may require TLS or another client",
        ),
        (
            {"CLIENT_CERT_PATH": "other-client.pem", "CLIENT_KEY_PATH": "other-client.key"},
            "it closes the connection; it may require TLS or another client",
        ),
        ({"CLIENT_CERT_PATH": "no.pem"}, "the client certificate file contains no certificate"),
        ({"CLIENT_KEY_PATH": "no.pem"}, "the client key file contains no private key"),
        ({"CLIENT_KEY_PATH": None}, "Must have both client cert and private key or neither"),
    ],
    ids=str,
)
async def test_a_temporal_error_names_address_and_reason(
    change: dict[str, str | None], reason: str, fronts: Fronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        f"TEMPORAL_TLS_{name}": value and (str(fronts.files / value) if "." in value else value)
        for name, value in change.items()
    }
    set_environment(monkeypatch, fronts.environment() | files)
    with pytest.raises(TemporalUnreachable) as refusal:
        await temporal.connect(Settings.from_environment().temporal)
    assert f"localhost:{fronts.temporal_port} ({reason}" in str(refusal.value)


def test_the_error_names_a_temporal_without_tls(
    endpoints: Endpoints, fronts: Fronts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address = endpoints.temporal["target_host"]
    set_environment(monkeypatch, fronts.environment() | {"TEMPORAL_ADDRESS": address})
    assert run(["subscriptions"]) == 1
    assert f"Cannot reach Temporal at {address} (it does not use TLS)" in capsys.readouterr().err


def test_a_missing_certificate_is_named(fronts: Fronts, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"TEMPORAL_TLS_CLIENT_CERT_PATH": "/nowhere/client.pem"}
    set_environment(monkeypatch, fronts.environment() | missing)
    with pytest.raises(ConfigurationError, match=r"cannot be read: .* No such file .*'/nowhere/client.pem'"):
        Settings.from_environment()


@pytest.mark.parametrize(
    "change",
    [
        {"TEMPORAL_TLS_SERVER_CA_CERT_PATH": "other-ca.pem"},
        {
            "TEMPORAL_TLS_CLIENT_CERT_PATH": "other-client.pem",
            "TEMPORAL_TLS_CLIENT_KEY_PATH": "other-client.key",
        },
        {"TEMPORAL_TLS_CLIENT_CERT_PATH": "missing.pem"},
        {"DATABASE_URL": "other-ca.pem"},
    ],
    ids=str,
)
def test_a_program_ends_with_one_line(
    change: dict[str, str],
    fronts: Fronts,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = {name: str(fronts.files / value) for name, value in change.items()}
    if "DATABASE_URL" in files:
        files["DATABASE_URL"] = fronts.url(sslrootcert=files["DATABASE_URL"])
    set_environment(monkeypatch, fronts.environment() | files)
    monkeypatch.setattr(sys, "argv", ["worker.py"])
    assert (main(), run(["subscriptions"])) == (1, 1)
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 2


def huffman(text: str) -> bytes:
    """Encode the text as a header of HTTP/2 does (RFC 7541, appendix B)."""
    codes = {" ": "010100", "B": "1011101", "a": "00011", "e": "00101", "m": "101001", "n": "101010"}
    codes |= {"o": "00111", "p": "101011", "r": "101100", "s": "01000"}
    bits = "".join(codes[letter] for letter in text)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")
