"""The example of `temporal.toml` is one that Temporal's SDK reads as its comments say."""

from pathlib import Path
from typing import Any

import pytest
from temporalio.client import TLSConfig
from temporalio.envconfig import ClientConfig

from settings import ROOT

EXAMPLE = ROOT / "deploy" / "temporal.toml.example"
TLS = "/etc/subscriptions/tls"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The example, with certificates that exist."""
    for name in ("ca.pem", "client.pem", "client.key"):
        (tmp_path / name).write_text(name)
    (path := tmp_path / "temporal.toml").write_text(EXAMPLE.read_text().replace(TLS, str(tmp_path)))
    return path


def loaded(file: Path, profile: str, **variables: str) -> dict[str, Any]:
    return dict(
        ClientConfig.load_client_connect_config(
            profile, config_file=str(file), config_file_strict=True, override_env_vars=variables
        )
    )


def test_a_development_server_needs_no_tls(file: Path) -> None:
    assert loaded(file, "local") == {"target_host": "127.0.0.1:7233", "namespace": "default"}


def test_a_cluster_gets_certificates_of_both_sides(file: Path) -> None:
    tls = loaded(file, "self-hosted")["tls"]
    assert tls == TLSConfig(
        server_root_ca_cert=b"ca.pem",
        domain="temporal.example.com",
        client_cert=b"client.pem",
        client_private_key=b"client.key",
    )


def test_an_api_key_turns_tls_on(file: Path) -> None:
    config = loaded(file, "cloud", TEMPORAL_API_KEY="key")
    assert (config["api_key"], config["tls"]) == ("key", True)


def test_a_profile_that_is_missing_is_noticed(file: Path) -> None:
    with pytest.raises(RuntimeError, match="nothing"):
        loaded(file, "nothing")
