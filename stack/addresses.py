"""Where the embedded stack is, for every process that wants to use it."""

from pathlib import Path
from typing import Self

import psutil
from pydantic import BaseModel, ConfigDict

from settings import ROOT, ConfigurationError, Settings

DIRECTORY = ROOT / ".devstack"
FILE = "stack.json"


class Addresses(BaseModel):
    """What `stack.json` says."""

    model_config = ConfigDict(frozen=True)

    temporal_address: str
    ui_url: str
    database_url: str
    pids: dict[str, int]
    """The processes: postgres, temporal, worker, and worker-2 and on where there are more."""

    @classmethod
    def read(cls, directory: Path) -> Self | None:
        """Return the addresses that stand there, whether or not anything answers, or `None`."""
        try:
            return cls.model_validate_json((directory / FILE).read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def write(self, directory: Path) -> None:
        """Replace what stands there, in one go."""
        new = directory / f"{FILE}.new"
        new.write_text(self.model_dump_json(indent=2) + "\n")
        new.rename(directory / FILE)

    @staticmethod
    def remove(directory: Path) -> None:
        """Say that the stack is not running."""
        (directory / FILE).unlink(missing_ok=True)


def find_services(settings: Settings, directory: Path = DIRECTORY) -> Settings:
    """Return the settings as they are where services are configured, else those of the running stack.

    Raises:
        ConfigurationError: when nothing is configured and no embedded stack is running.
    """
    if settings.configured:
        return settings
    found = Addresses.read(directory)
    if found is None or not psutil.pid_exists(found.pids.get("temporal", 0)):
        raise ConfigurationError(
            'No services are configured and no embedded stack is running: run "make up", '
            "or set TEMPORAL_ADDRESS and DATABASE_URL"
        )
    return settings.at(temporal_address=found.temporal_address, database_url=found.database_url)
