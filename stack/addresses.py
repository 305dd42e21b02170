"""Where the embedded stack is, for every process that wants to use it."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from settings import ROOT, ConfigurationError, Settings
from stack.detached import is_running

DIRECTORY = ROOT / ".devstack"
FILE = "stack.json"


class Addresses(BaseModel):
    """What `stack.json` says."""

    model_config = ConfigDict(frozen=True)

    temporal_address: str
    ui_url: str
    database_url: str
    pids: dict[str, int]
    """The processes: postgres, temporal, worker, and worker-2 and on where there are more; none when the
    stack was stopped: the ports stay, for the next time."""

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

    @property
    def is_running(self) -> bool:
        """Whether the stack was there when this was written, and its Temporal still is."""
        return is_running(self.pids.get("temporal"), "temporal")


def of_running_stack(settings: Settings, directory: Path = DIRECTORY) -> Settings:
    """Return the settings; where they name the Temporal of the running stack, with the whole of that stack.

    So that `TEMPORAL_ADDRESS` alone, which Temporal's own CLI wants, does not keep the starter from it.
    """
    found = Addresses.read(directory)
    if found is None or not found.is_running or not settings.means(found.temporal_address):
        return settings
    return settings.at(temporal_address=found.temporal_address, database_url=found.database_url)


def find_services(settings: Settings, directory: Path = DIRECTORY) -> Settings:
    """Return the settings as they are where services are configured, else those of the running stack.

    Raises:
        ConfigurationError: when nothing is configured and no embedded stack is running.
    """
    settings = of_running_stack(settings, directory)
    if settings.configured:
        return settings
    found = Addresses.read(directory)
    if found is None or not found.is_running:
        raise ConfigurationError(
            'No services are configured and no embedded stack is running: run "make up", '
            "or set TEMPORAL_ADDRESS and DATABASE_URL"
        )
    return settings.at(temporal_address=found.temporal_address, database_url=found.database_url)
