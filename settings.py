"""The settings, read from the environment; nothing else in this project reads it."""

import os
import pkgutil
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field
from temporalio.envconfig import ClientConfig

ROOT = Path(__file__).resolve().parent


class ConfigurationError(Exception):
    """The settings do not fit together, or name what is not there; the message says what to set."""


class Settings(BaseModel):
    """Where the services are, and what stands in for the external systems."""

    model_config = ConfigDict(frozen=True)

    temporal: dict[str, Any] = Field({}, repr=False)
    """How to connect to Temporal, from the SDK's own environment configuration; may hold an API key."""
    database_url: str | None = Field(None, repr=False)
    """`DATABASE_URL`: the PostgreSQL of the subscriptions; may hold a password."""
    group_management: str = "services.fake_group_management:open_fake_group_management"
    """`GROUP_MANAGEMENT`: the function that opens the group management system, as `module:function`."""
    group_management_url: str | None = Field(None, repr=False)
    """`GROUP_MANAGEMENT_URL`: where that system is; `None` means on the server of the subscriptions."""

    @classmethod
    def from_environment(cls) -> Self:
        """Read `TEMPORAL_*` (and `temporal.toml`), `DATABASE_URL`, `GROUP_MANAGEMENT` and its URL.

        Raises:
            ConfigurationError: when a profile is unknown, or its file cannot be read.
        """
        try:
            temporal = dict(ClientConfig.load_client_connect_config())
        except (RuntimeError, ValueError) as error:
            raise ConfigurationError(f"The configuration of Temporal cannot be read: {error}") from error
        named = {
            field: os.environ[field.upper()]
            for field in ("database_url", "group_management", "group_management_url")
            if os.environ.get(field.upper())
        }
        return cls(temporal=temporal, **named)

    @property
    def fakes_group_management(self) -> bool:
        """Whether the fake stands in for the group management system."""
        default: str = type(self).model_fields["group_management"].default
        return self.group_management == default

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
        raise ConfigurationError(f"{setting}={name}: give module:function ({error})") from error
