"""How the programs talk to Temporal."""

import pytest

from orchestrator.temporal.connection import is_local


@pytest.mark.parametrize("target_host", ["127.0.0.1:7233", "localhost:7233", "[::1]:7233"])
def test_nothing_is_compressed_on_one_machine(target_host: str) -> None:
    assert is_local(target_host)


@pytest.mark.parametrize("target_host", ["temporal.example.org:7233", "10.0.0.1:7233", "localhost.org:7233"])
def test_what_crosses_a_network_is_compressed(target_host: str) -> None:
    assert not is_local(target_host)
