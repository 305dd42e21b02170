"""Which services a command that only reads uses."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.connections import running_endpoints
from settings import Settings
from stack.addresses import Addresses
from stack.keeping import kept_up

ADDRESSES = Addresses(
    temporal_address="127.0.0.1:7233",
    ui_url="http://127.0.0.1:8233",
    database_url="postgresql://me@here/subscriptions",
    pids={},
)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """The folder of a stack whose Temporal is a program that only waits."""
    waits = [sys.executable, "-c", "input()", "temporal"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE) as temporal:
        ADDRESSES.model_copy(update={"pids": {"temporal": temporal.pid}}).write(tmp_path)
        yield tmp_path
        temporal.communicate(b"\n")


def test_a_stack_that_is_kept_up_is_used_at_once(directory: Path) -> None:
    with kept_up(directory):
        found = running_endpoints(Settings(), directory)
    assert found == Settings().at(
        temporal_address=ADDRESSES.temporal_address,
        database_url=ADDRESSES.database_url,
        ui_url=ADDRESSES.ui_url,
    )


def test_a_stack_that_nobody_keeps_up_is_not_used(directory: Path) -> None:
    assert running_endpoints(Settings(), directory) is None


def test_a_stack_that_has_ended_is_not_used(directory: Path) -> None:
    ADDRESSES.write(directory)
    with kept_up(directory):
        assert running_endpoints(Settings(), directory) is None


def test_services_that_are_configured_come_first(directory: Path) -> None:
    configured = ADDRESSES.database_url
    settings = Settings.model_validate(
        {"temporal": {"target_host": "elsewhere:7233"}, "database_url": configured}
    )
    with kept_up(directory):
        assert running_endpoints(settings, directory) is None
