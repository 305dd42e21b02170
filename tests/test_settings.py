"""The settings, and the endpoints that follow from them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from settings import ConfigurationError, Endpoints, Settings
from stack.addresses import Addresses
from stack.endpoints import find_endpoints, named_endpoints

URL = "postgresql://worker@db/subscriptions"
ADDRESS = "127.0.0.1:7233"
BOTH = Settings(temporal={"target_host": ADDRESS}, database_url=SecretStr(URL))
TEMPORAL_ALONE = Settings(temporal={"target_host": ADDRESS})
DATABASE_ALONE = Settings(database_url=SecretStr(URL))
STACK_URL = "postgresql://postgres@/postgres?host=/stack"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """The directory of an embedded stack whose Temporal is running."""
    temporal = subprocess.Popen([sys.executable, "-c", "input()", "temporal"], stdin=subprocess.PIPE)
    write_addresses(tmp_path, {"temporal": temporal.pid})
    yield tmp_path
    temporal.communicate(b"\n")


def write_addresses(directory: Path, pids: dict[str, int]) -> None:
    Addresses(temporal_address=ADDRESS, ui_url="", database_url=STACK_URL, pids=pids).write(directory)


def test_settings_with_both_services_have_endpoints(tmp_path: Path) -> None:
    endpoints = find_endpoints(BOTH, tmp_path)
    assert endpoints == Endpoints(temporal={"target_host": ADDRESS}, database_url=SecretStr(URL))


def test_configured_endpoints_go_before_a_running_stack(running: Path) -> None:
    assert find_endpoints(BOTH, running).database_url.get_secret_value() == URL


@pytest.mark.parametrize(
    ("half", "missing"), [(TEMPORAL_ALONE, "DATABASE_URL"), (DATABASE_ALONE, "TEMPORAL_ADDRESS")]
)
def test_one_service_alone_is_refused(half: Settings, missing: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"is configured but {missing} is not: set both, or neither"):
        find_endpoints(half, tmp_path)


def test_a_database_alone_does_not_name_a_running_stack(running: Path) -> None:
    with pytest.raises(ConfigurationError, match="TEMPORAL_ADDRESS is not"):
        find_endpoints(DATABASE_ALONE, running)


def test_the_address_of_its_temporal_names_the_whole_stack(running: Path) -> None:
    named = named_endpoints(TEMPORAL_ALONE, running)
    assert named is not None
    assert named.database_url.get_secret_value() == STACK_URL


def test_another_temporal_does_not_name_the_stack(running: Path) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL is not"):
        named_endpoints(Settings(temporal={"target_host": "elsewhere:7233"}), running)


def test_with_nothing_configured_the_running_stack_is_found(running: Path) -> None:
    assert named_endpoints(Settings(), running) is None
    assert find_endpoints(Settings(), running).database_url.get_secret_value() == STACK_URL


def test_nothing_configured_and_no_stack_running_is_refused(tmp_path: Path) -> None:
    write_addresses(tmp_path, {})
    with pytest.raises(ConfigurationError, match='run "make up", or set TEMPORAL_ADDRESS and DATABASE_URL'):
        find_endpoints(Settings(), tmp_path)


def test_endpoints_cannot_be_made_without_temporal() -> None:
    with pytest.raises(ValidationError):
        Endpoints(temporal={}, database_url=SecretStr(URL))


def test_a_worker_keeps_ten_connections_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_POOL_SIZE", raising=False)
    assert Settings.from_environment().pool_size == 10
    monkeypatch.setenv("DATABASE_POOL_SIZE", "3")
    assert Settings.from_environment().pool_size == 3


@pytest.mark.parametrize("size", ["0", "-1", "101", "1.5", "ten", "²"])
def test_a_pool_size_out_of_range_is_refused(size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", size)
    with pytest.raises(ConfigurationError, match="DATABASE_POOL_SIZE: give a whole number from 1 to 100"):
        Settings.from_environment()


def test_what_has_ended_is_kept_for_30_days_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RETENTION_DAYS", raising=False)
    assert Settings.from_environment().retention_days == 30
    monkeypatch.setenv("RETENTION_DAYS", "3650")
    assert Settings.from_environment().retention_days == 3650


@pytest.mark.parametrize("days", ["0", "-1", "3651", "a week"])
def test_a_retention_out_of_range_is_refused(days: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETENTION_DAYS", days)
    with pytest.raises(ConfigurationError, match="RETENTION_DAYS: give a whole number from 1 to 3650"):
        Settings.from_environment()


def test_an_external_system_is_on_the_same_server_by_default() -> None:
    endpoints = find_endpoints(BOTH)
    system = endpoints.external_system("group_management")
    own = system.model_copy(update={"url": SecretStr("ldap://groups")})
    assert (endpoints.url_of(system), endpoints.url_of(own)) == (URL, "ldap://groups")


def test_an_unknown_external_system_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="give one of group_management, user_management"):
        find_endpoints(BOTH).external_system("mail")


@pytest.mark.parametrize("text", ["9464", "localhost:9464", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x"])
@pytest.mark.parametrize("variable", ["METRICS_ADDRESS", "HEALTH_ADDRESS"])
def test_an_address_that_cannot_be_read_is_refused(
    variable: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(
        ConfigurationError, match=f"{variable}: give an IP address of this machine and a port"
    ):
        Settings.from_environment()


def test_an_address_of_ipv6_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_ADDRESS", "[::1]:9464")
    assert Settings.from_environment().metrics_address == "[::1]:9464"
