"""The client's own record of what was accepted: what nobody may lose from then on."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue


class Accepted(BaseModel):
    """A process that Temporal has accepted."""

    model_config = ConfigDict(frozen=True)

    process_id: str
    workflow: str
    fields: dict[str, JsonValue]
    """Its input."""


class Journal:
    """A file with a line for each process, written as soon as it was accepted."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)
        self._accepted: dict[str, Accepted] = {}

    def accept(self, process: Accepted) -> None:
        """Write down that this process was accepted."""
        self._file.write(process.model_dump_json() + "\n")
        self._accepted[process.process_id] = process

    def __iter__(self) -> Iterator[Accepted]:
        return iter(list(self._accepted.values()))

    def __contains__(self, process_id: object) -> bool:
        return process_id in self._accepted

    def __len__(self) -> int:
        return len(self._accepted)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
