"""The JSON documents that commands print."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from orchestrator.database import notes, relations, subscriptions
from orchestrator.database.connection import Connection
from orchestrator.database.processes import TrailEvent, TrailRow
from orchestrator.domain.changes import Change
from orchestrator.domain.gate import SubscriptionNotFound
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.scheduled import Scheduled
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.messages import Values
from orchestrator.temporal.history import LastError, StepLog

Document = dict[str, Any]


class Report(BaseModel):
    """What the validation of all subscriptions has found."""

    total: int
    in_sync: int
    discrepancies: list[UUID]
    """Subscriptions that differ from their external system."""
    refused: list[UUID]
    """Subscriptions that a process works on, or whose product has no validation."""
    failed: list[UUID]
    """Subscriptions whose validation has not ended in time, or not as it should."""

    def __str__(self) -> str:
        return (
            f"{self.total} validated: {self.in_sync} in sync, {len(self.discrepancies)} with discrepancies, "
            f"{len(self.refused)} refused, {len(self.failed)} failed"
        )


class ProcessDocument(TrailRow):
    """A process; it has its steps as long as Temporal keeps its history."""

    requested: Values = Field({})
    """The values that it was started with; empty as soon as Temporal has deleted its history."""
    steps: tuple[StepLog, ...] = ()
    events: tuple[TrailEvent, ...] = ()
    scheduled: Scheduled | None = None
    """What it starts, and when; `None` if it is a process itself."""
    totals: Report | None = None
    """What a validation of all has found so far; `None` for another process, or if no worker answers."""
    changes: tuple[Change, ...] | None = None
    """What it has changed so far; `None` if it has locked no subscription, or in a list."""
    link: str | None = None
    """Its page in the Web UI; `None` if the address of the Web UI is unknown, or in a list."""
    last_error: LastError | None = Field(None, exclude=True)
    """The error that it ended with or parked on; `None` if there is none or the history is gone."""

    @property
    def times_parked(self) -> int:
        """Number of times that it has parked."""
        return sum(event.event == "parked" for event in self.events)

    @property
    def aborted(self) -> bool:
        """Whether an abort was requested: it rolls back, or finishes if it is past its point of no return."""
        return any(event.event == "abort requested" for event in self.events)

    @property
    def about(self) -> str:
        """On what it works, who started it and why."""
        by = f", by {self.created_by}" if self.created_by else ""
        why = f": {self.reason}" if self.reason else ""
        where = f". It did not run here: imported {self.imported_at:%Y-%m-%d}" if self.imported_at else ""
        since = f"since {self.started_at:%Y-%m-%d}"
        return f"On subscription {self.subscription_id or '-'}, {since}{by}{why}{where}"

    @property
    def ways(self) -> tuple[str, ...]:
        """The commands that continue a parked process; Temporal accepts no second cancellation."""
        return ("retry", "adopt", "give-up") if self.aborted else ("retry", "adopt", "abort")


class ProcessNotFound(Exception):
    """Neither the trail nor Temporal knows this process."""

    def __init__(self, process_id: str) -> None:
        super().__init__(f'Process not found: "{process_id}"; list all with "starter.py processes"')


def error_of(error: Exception) -> LastError:
    """Return an error as JSON shows it; its type is its `type` attribute, or else its class name."""
    return LastError(type=getattr(error, "type", type(error).__name__), message=str(error))


class Outcome(BaseModel):
    """The outcome of a command that starts a process or acts on one."""

    process_id: str | None
    status: ProcessStatus
    subscription: Document | None = None
    error: LastError | None = None
    link: str | None = None
    """The page of the process in the Web UI; `None` if the address of the Web UI is unknown."""
    aborted: bool = Field(default=False, exclude=True)
    """Whether an abort of the process was requested."""


async def subscription_document(connection: Connection, subscription_id: UUID) -> Document:
    """Return the document of a subscription.

    Raises:
        SubscriptionNotFound: if there is no such subscription.
    """
    stored = await subscriptions.read_subscription(connection, subscription_id)
    if stored is None:
        raise SubscriptionNotFound(subscription_id)
    [document] = await subscription_documents(connection, [stored.subscription])
    return document


async def subscription_documents(
    connection: Connection, listed: Sequence[SubscriptionModel]
) -> list[Document]:
    """Return the documents of these subscriptions."""
    ids = [one.subscription_id for one in listed]
    related = await relations.all_relations(connection, ids)
    noted = await notes.read_notes(connection, ids)
    return [
        one.model_dump(mode="json")
        | _relations(*related[one.subscription_id])
        | {"notes": [note.model_dump(mode="json") for note in noted[one.subscription_id]]}
        for one in listed
    ]


def _relations(in_use_by: Sequence[UUID], depends_on: Sequence[UUID]) -> Document:
    return {
        "in_use_by": [str(user) for user in in_use_by],
        "depends_on": [str(needed) for needed in depends_on],
    }
