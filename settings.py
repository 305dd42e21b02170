"""The settings, read from the environment; nothing else in this project reads it."""

import os
import pkgutil
import re
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field
from temporalio.common import WorkerDeploymentVersion
from temporalio.envconfig import ClientConfig

from catalogue import external_systems

ROOT = Path(__file__).resolve().parent

_NAME = re.compile(r"[\w.]+(?::[\w.]+)?")


class ConfigurationError(Exception):
    """The settings do not fit together, or name what is not there; the message says what to set."""


EXTERNAL_SYSTEMS = external_systems()
"""The external systems; in capitals the name of one is the setting that says what opens it."""


class ExternalSystem(BaseModel):
    """What opens the client of an external system, and where that system is."""

    model_config = ConfigDict(frozen=True)

    name: str
    opened_by: str
    """The function that opens it, as `module:function`: `{NAME}`, by default that of its fake."""
    url: str | None = Field(None, repr=False)
    """`{NAME}_URL`; may hold a password. `None` means on the server of the subscriptions."""

    @classmethod
    def fake(cls, name: str) -> Self:
        """Return the fake of a system."""
        return cls(name=name, opened_by=f"services.fake_{name}:open_fake_{name}")

    @property
    def is_fake(self) -> bool:
        """Whether the fake stands in for it."""
        return self.opened_by == self.fake(self.name).opened_by

    def open(self, database_url: str) -> Any:
        """Return what opens the client, as an asynchronous context.

        Raises:
            ConfigurationError: when there is no such function.
        """
        return load_function(self.name.upper(), self.opened_by)(self.url or database_url)


class Settings(BaseModel):
    """Where the services are, and what stands in for the external systems."""

    model_config = ConfigDict(frozen=True)

    temporal: dict[str, Any] = Field({}, repr=False)
    """How to connect to Temporal, from the SDK's own environment configuration; may hold an API key."""
    database_url: str | None = Field(None, repr=False)
    """`DATABASE_URL`: the PostgreSQL of the subscriptions; may hold a password."""
    external_systems: tuple[ExternalSystem, ...] = tuple(ExternalSystem.fake(one) for one in EXTERNAL_SYSTEMS)
    deployment_name: str | None = None
    """`TEMPORAL_DEPLOYMENT_NAME`, which Temporal's Worker Controller sets, with the next."""
    build_id: str | None = None
    """`TEMPORAL_WORKER_BUILD_ID`."""

    @classmethod
    def from_environment(cls) -> Self:
        """Read `TEMPORAL_*` (and `temporal.toml`), `DATABASE_URL`, and of each external system both settings.

        Raises:
            ConfigurationError: when a profile is unknown, or its file or a certificate cannot be read.
        """
        try:
            temporal = dict(ClientConfig.load_client_connect_config())
        except (OSError, RuntimeError, ValueError) as error:
            # What follows the first line shows what stands in the file: there may be an API key in it.
            reason = str(error).partition("\n")[0]
            raise ConfigurationError(f"The configuration of Temporal cannot be read: {reason}") from None
        systems = tuple(
            ExternalSystem(
                name=name,
                opened_by=os.environ.get(name.upper()) or ExternalSystem.fake(name).opened_by,
                url=os.environ.get(f"{name.upper()}_URL") or None,
            )
            for name in EXTERNAL_SYSTEMS
        )
        return cls(
            temporal=temporal,
            database_url=os.environ.get("DATABASE_URL") or None,
            external_systems=systems,
            deployment_name=os.environ.get("TEMPORAL_DEPLOYMENT_NAME") or None,
            build_id=os.environ.get("TEMPORAL_WORKER_BUILD_ID") or None,
        )

    def external_system(self, name: str) -> ExternalSystem:
        """Return what is set of the external system of this name.

        Raises:
            ConfigurationError: when there is no system of this name.
        """
        found = next((one for one in self.external_systems if one.name == name), None)
        if found is None:
            known = ", ".join(one.name for one in self.external_systems)
            raise ConfigurationError(f"There is no external system {name!r}; give one of {known}")
        return found

    @property
    def configured(self) -> bool:
        """Whether real services are named; otherwise the embedded stack serves.

        Raises:
            ConfigurationError: when one of Temporal and PostgreSQL is configured alone.
        """
        if bool(self.temporal) != (self.database_url is not None):
            missing = "DATABASE_URL" if self.temporal else "TEMPORAL_ADDRESS"
            present = "Temporal" if self.temporal else "DATABASE_URL"
            raise ConfigurationError(
                f"{present} is configured but {missing} is not: "
                "set both, or neither to use the embedded stack"
            )
        return self.database_url is not None

    @property
    def version(self) -> WorkerDeploymentVersion | None:
        """Of which version a worker is; `None` where workers have no version.

        Raises:
            ConfigurationError: when one half of it is set alone.
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

    def means(self, temporal_address: str) -> bool:
        """Return whether this names the Temporal at this address, and nothing else."""
        return self.temporal.get("target_host") == temporal_address and self.database_url is None

    def at(self, *, temporal_address: str, database_url: str) -> Self:
        """Return these settings with the services at these addresses."""
        services = {"temporal": {"target_host": temporal_address}, "database_url": database_url}
        return self.model_copy(update=services)


def load_function(setting: str, name: str) -> Any:
    """Return the function that a setting names.

    Raises:
        ConfigurationError: when there is none.
    """
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        # What is no name at all may be a URL that stands in the wrong variable, with its password.
        shown = (
            f"={name}: give module:function ({error})" if _NAME.fullmatch(name) else ": give module:function"
        )
        raise ConfigurationError(setting + shown) from None
