"""Bulks: files of rows that are applied; each row is a process on one subscription."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from orchestrator.domain.errors import DomainError


class BulkNotFound(DomainError):
    """There is no bulk with this id."""

    def __init__(self, bulk_id: UUID | str) -> None:
        super().__init__(f'Bulk not found: {bulk_id}; list all with "starter.py bulk"')


class RowStatus(StrEnum):
    """The status of a row: that of its process, or `waiting` before that is started."""

    WAITING = "waiting"
    RUNNING = "running"
    PARKED = "parked"
    COMPLETED = "completed"
    REFUSED = "refused"
    FAILED = "failed"
    ABORTED = "aborted"
    LOST = "lost"


ENDED_BADLY = frozenset({RowStatus.REFUSED, RowStatus.FAILED, RowStatus.ABORTED, RowStatus.LOST})
"""The statuses of a row that ended without completing; a lost one may have changed something."""


class RowCounts(BaseModel):
    """Number of rows by status."""

    model_config = ConfigDict(frozen=True)

    waiting: int = 0
    running: int = 0
    parked: int = 0
    completed: int = 0
    refused: int = 0
    failed: int = 0
    aborted: int = 0
    lost: int = 0

    @property
    def open(self) -> int:
        """Number of rows that have neither ended nor parked."""
        return self.waiting + self.running

    @property
    def unwell(self) -> str:
        """How many rows are parked or have ended badly, in words; empty if none."""
        return _told(self.model_dump(include={one.value for one in (RowStatus.PARKED, *ENDED_BADLY)}))

    def __str__(self) -> str:
        return _told(self.model_dump())


def _told(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in numbers.items() if number)


class Bulk(BaseModel):
    """A file of rows that was applied."""

    model_config = ConfigDict(frozen=True)

    bulk_id: UUID
    file_name: str
    created_by: str | None
    reason: str | None
    created_at: datetime
    rows: int
    """Number of rows that were uploaded."""
    skipped: int
    """Number of rows of the file that an earlier bulk has."""


class BulkRow(BaseModel):
    """A row of a bulk."""

    model_config = ConfigDict(frozen=True)

    line: int
    """Line of the file in which it begins."""
    workflow: str
    product: str
    input: str
    """Input of the workflow as JSON, as the row says it: the bulk adds who and why."""
    process_id: str


class RowResult(BaseModel):
    """What has become of a row."""

    model_config = ConfigDict(frozen=True)

    line: int
    process_id: str
    status: RowStatus
    message: str | None = None
    """Why it parked, was refused or has failed."""


class RowFailure(BulkRow):
    """A row that has parked or ended badly."""

    status: RowStatus
    message: str | None
