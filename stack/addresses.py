"""Where the embedded stack is, for every process that wants to use it."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from settings import ROOT

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
