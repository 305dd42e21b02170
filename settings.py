"""The settings, read from the environment; nothing else reads it but `telemetry_settings.py`."""

import ipaddress
import os
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from temporalio.common import WorkerDeploymentVersion
from temporalio.envconfig import ClientConfig

from catalogue import external_systems

if TYPE_CHECKING:
    from orchestrator.database.connection import Pool

ROOT = Path(__file__).resolve().parent

_NAME = re.compile(r"[\w.]+(?::[\w.]+)?")

LARGEST_POOL = 100
"""Connections; as many as PostgreSQL has by default, and as many activities as a worker runs at once."""

LAST_PORT = 65_535

DEFAULT_RETENTION, LONGEST_RETENTION = 30, 3650
"""Days."""


class ConfigurationError(Exception):
    """The settings are contradictory or name something unknown; the message says what to set."""


EXTERNAL_SYSTEMS = external_systems()
"""The names of the external systems; in capitals a name is the variable that says what opens the system."""


class ExternalSystem(BaseModel):
    """How to open the client of an external system, and its address."""

    model_config = ConfigDict(frozen=True)

    name: str
    opened_by: str
    """`{NAME}`: the function that opens the client, as `module:function`; by default that of the fake."""
    url: SecretStr | None = None
    """`{NAME}_URL`: the address of the system; `None` means the database of the subscriptions."""

    @classmethod
    def fake(cls, name: str) -> Self:
        """Return the fake of a system."""
        return cls(name=name, opened_by=f"services.fake_{name}:open_fake_{name}")

    @property
    def is_fake(self) -> bool:
        """Whether the fake stands in for it."""
        return self.opened_by == self.fake(self.name).opened_by

    def open(self, where: "str | Pool") -> Any:
        """Return an asynchronous context that opens the client.

        Args:
            where: the URL of the system; for a fake, also a pool that it shares with others.

        Raises:
            ConfigurationError: when there is no such function.
        """
        return load_function(self.name.upper(), self.opened_by)(where)


FAKES = tuple(ExternalSystem.fake(name) for name in EXTERNAL_SYSTEMS)


class Endpoints(BaseModel):
    """Where the services are: Temporal, PostgreSQL and the external systems."""

    model_config = ConfigDict(frozen=True)

    temporal: dict[str, Any] = Field(repr=False, min_length=1)
    """How to connect to Temporal, in the SDK's words; may hold an API key."""
    database_url: SecretStr
    """The PostgreSQL of the subscriptions."""
    external_systems: tuple[ExternalSystem, ...] = FAKES
    ui_url: str | None = None
    """The address of Temporal's Web UI, without a slash at its end; `None` if it is unknown."""

    def external_system(self, name: str) -> ExternalSystem:
        """Return the external system of this name.

        Raises:
            ConfigurationError: when there is no system of this name.
        """
        found = next((one for one in self.external_systems if one.name == name), None)
        if found is None:
            known = ", ".join(one.name for one in self.external_systems)
            raise ConfigurationError(f"There is no external system {name!r}; give one of {known}")
        return found

    @property
    def openers(self) -> dict[str, str]:
        """What opens each external system, by its name."""
        return {one.name: one.opened_by for one in self.external_systems}

    def url_of(self, system: ExternalSystem) -> str:
        """Return the URL of an external system, by default that of the subscriptions."""
        return (system.url or self.database_url).get_secret_value()


class Settings(BaseModel):
    """The settings of a program, read from the environment."""

    model_config = ConfigDict(frozen=True)

    temporal: dict[str, Any] = Field({}, repr=False)
    """How to connect to Temporal, from the SDK's own environment configuration; may hold an API key."""
    database_url: SecretStr | None = None
    """`DATABASE_URL`: the PostgreSQL of the subscriptions."""
    external_systems: tuple[ExternalSystem, ...] = FAKES
    ui_url: str | None = None
    """`TEMPORAL_UI_URL`: the address of Temporal's Web UI."""
    pool_size: int = 10
    """`DATABASE_POOL_SIZE`: connections of a worker to the PostgreSQL of the subscriptions, 1 to 100.

    Fakes take some more (`external_systems.most_connections` counts all). A command of the starter takes 2.
    """
    retention_days: int = DEFAULT_RETENTION
    """`RETENTION_DAYS`: how long clean-up keeps what has ended, 1 to 3650 days."""
    deployment_name: str | None = None
    """`TEMPORAL_DEPLOYMENT_NAME`; Temporal's Worker Controller sets this variable and the next."""
    build_id: str | None = None
    """`TEMPORAL_WORKER_BUILD_ID`."""

    metrics_address: str | None = None
    """`METRICS_ADDRESS`: where a worker serves its metrics, as `IP:port`; `None` means nowhere."""
    health_address: str | None = None
    """`HEALTH_ADDRESS`: where a worker answers `/live` and `/ready`, as `IP:port`; `None` means nowhere."""

    @classmethod
    def from_environment(cls) -> Self:
        """Read `TEMPORAL_*`, `temporal.toml`, `DATABASE_*` and the variables of this project.

        Raises:
            ConfigurationError: when a profile is unknown, its file or a certificate cannot be read, a number
                is not in its range, or an address is none.
        """
        try:
            temporal = dict(ClientConfig.load_client_connect_config())
        except (OSError, RuntimeError, ValueError) as error:
            # The lines after the first quote the file, which may hold an API key.
            reason = str(error).partition("\n")[0]
            raise ConfigurationError(f"The configuration of Temporal cannot be read: {reason}") from None
        systems = tuple(
            ExternalSystem(
                name=fake.name,
                opened_by=os.environ.get(fake.name.upper()) or fake.opened_by,
                url=_secret(f"{fake.name.upper()}_URL"),
            )
            for fake in FAKES
        )
        return cls(
            temporal=temporal,
            database_url=_secret("DATABASE_URL"),
            external_systems=systems,
            ui_url=_web_address("TEMPORAL_UI_URL"),
            pool_size=_whole_number("DATABASE_POOL_SIZE", otherwise=10, largest=LARGEST_POOL),
            retention_days=_whole_number(
                "RETENTION_DAYS", otherwise=DEFAULT_RETENTION, largest=LONGEST_RETENTION
            ),
            deployment_name=os.environ.get("TEMPORAL_DEPLOYMENT_NAME") or None,
            build_id=os.environ.get("TEMPORAL_WORKER_BUILD_ID") or None,
            metrics_address=_listen_address("METRICS_ADDRESS"),
            health_address=_listen_address("HEALTH_ADDRESS"),
        )

    @property
    def endpoints(self) -> Endpoints | None:
        """The configured endpoints; `None` if none are configured, so that the embedded stack serves.

        Raises:
            ConfigurationError: when only one of Temporal and PostgreSQL is configured.
        """
        if self.temporal and self.database_url:
            return Endpoints(
                temporal=self.temporal,
                database_url=self.database_url,
                external_systems=self.external_systems,
                ui_url=self.ui_url,
            )
        if self.temporal or self.database_url:
            names = ("Temporal", "DATABASE_URL") if self.temporal else ("DATABASE_URL", "TEMPORAL_ADDRESS")
            raise ConfigurationError(
                f"{names[0]} is configured but {names[1]} is not: "
                "set both, or neither to use the embedded stack"
            )
        return None

    @property
    def version(self) -> WorkerDeploymentVersion | None:
        """The version of a worker; `None` if workers have no version.

        Raises:
            ConfigurationError: when only one of the two variables is set.
        """
        if self.deployment_name and self.build_id:
            return WorkerDeploymentVersion(self.deployment_name, self.build_id)
        if self.deployment_name or self.build_id:
            names = ("TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID")
            present, missing = names if self.deployment_name else reversed(names)
            raise ConfigurationError(
                f"{present} is set but {missing} is not: set both, or neither for workers without a version"
            )
        return None

    def at(self, *, temporal_address: str, database_url: str, ui_url: str | None = None) -> Endpoints:
        """Return the endpoints with Temporal, PostgreSQL and the Web UI at these addresses."""
        return Endpoints(
            temporal={"target_host": temporal_address},
            database_url=SecretStr(database_url),
            external_systems=self.external_systems,
            ui_url=ui_url,
        )


def _secret(variable: str) -> SecretStr | None:
    value = os.environ.get(variable)
    return SecretStr(value) if value else None


def _web_address(variable: str) -> str | None:
    address = os.environ.get(variable)
    if not address:
        return None
    if not re.fullmatch(r"https?://[^\s@]+", address):
        # Not shown: it may be a URL with a password, in the wrong variable.
        raise ConfigurationError(f"{variable}: give an address such as https://temporal.example.com")
    return address.rstrip("/")


def _whole_number(variable: str, *, otherwise: int, largest: int) -> int:
    text = os.environ.get(variable) or str(otherwise)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= largest):
        # Not shown: it may be a password in the wrong variable.
        raise ConfigurationError(f"{variable}: give a whole number from 1 to {largest}")
    return int(text)


def _listen_address(variable: str) -> str | None:
    text = os.environ.get(variable)
    if not text:
        return None
    host, _, port = text.rpartition(":")
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        fits = port.isascii() and port.isdigit() and 1 <= int(port) <= LAST_PORT
    except ValueError:
        fits = False
    if not fits:
        # Not shown: it may be a password in the wrong variable.
        raise ConfigurationError(
            f"{variable}: give an IP address of this machine and a port, such as 127.0.0.1:9464"
        )
    return text


def load_function(setting: str, name: str) -> Any:
    """Return the function that a setting names.

    Raises:
        ConfigurationError: when there is none.
    """
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        # A value that is not a name may be a URL with a password, in the wrong variable.
        shown = (
            f"={name}: give module:function ({error})" if _NAME.fullmatch(name) else ": give module:function"
        )
        raise ConfigurationError(setting + shown) from None


def require_nothing_configured() -> None:
    """Return if the environment names no services: who starts its own must not write into somebody's.

    Raises:
        ConfigurationError: when it names some.
    """
    if Settings.from_environment() != Settings():
        raise ConfigurationError(
            "This program starts its own services: unset TEMPORAL_*, DATABASE_URL and the other "
            "variables of docs/configuration.md"
        )
