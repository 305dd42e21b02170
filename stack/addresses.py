"""The addresses of the embedded stack, kept in a file for every process that wants to use it."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from settings import ROOT, Endpoints, Settings

DIRECTORY = ROOT / ".devstack"
FILE = "stack.json"


class Addresses(BaseModel):
    """The content of `stack.json`."""

    model_config = ConfigDict(frozen=True)

    temporal_address: str
    ui_url: str
    database_url: str
    pids: dict[str, int]
    """The processes: postgres, temporal, worker, worker-2 and so on. Empty after the stack was stopped: the
    addresses stay, for the next start."""
    metrics: dict[str, str] = {}
    """Where each worker serves its metrics, by the name of its process, as `127.0.0.1:port`."""
    health: dict[str, str] = {}
    """Where each worker answers `/live` and `/ready`."""

    def endpoints(self, settings: Settings) -> Endpoints:
        """Return the endpoints of this stack; the settings name the external systems."""
        return settings.at(
            temporal_address=self.temporal_address, database_url=self.database_url, ui_url=self.ui_url
        )

    @classmethod
    def read(cls, directory: Path) -> Self | None:
        """Return the addresses in the file, or `None`; the servers may be down."""
        try:
            return cls.model_validate_json((directory / FILE).read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def write(self, directory: Path) -> None:
        """Replace the file atomically."""
        new = directory / f"{FILE}.new"
        new.write_text(self.model_dump_json(indent=2) + "\n")
        new.rename(directory / FILE)
