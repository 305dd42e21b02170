"""The JSON documents that commands print."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from orchestrator.database import relations, subscriptions
from orchestrator.database.connection import Connection
from orchestrator.database.processes import TrailRow
from orchestrator.domain.gate import SubscriptionNotFound
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.temporal.history import LastError, StepLog

Document = dict[str, Any]


class ProcessDocument(TrailRow):
    """A process; it has its steps as long as Temporal keeps its history."""

    steps: tuple[StepLog, ...] = ()
    last_error: LastError | None = Field(None, exclude=True)
    """The error that it ended with or parked on; `None` if there is none or the history is gone."""
    times_parked: int = Field(0, exclude=True)
    aborted: bool = Field(default=False, exclude=True)
    """Whether an abort was requested: it rolls back, or finishes if it is past its point of no return."""

    @property
    def parked(self) -> bool:
        """Whether it waits for an operator."""
        return self.status is ProcessStatus.FAILED and self.ended_at is None

    @property
    def ways(self) -> tuple[str, ...]:
        """The commands that continue a parked process; Temporal accepts no second cancellation."""
        return ("retry", "give-up") if self.aborted else ("retry", "abort")


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
    related = await relations.all_relations(connection, [one.subscription_id for one in listed])
    return [one.model_dump(mode="json") | _relations(*related[one.subscription_id]) for one in listed]


def _relations(in_use_by: Sequence[UUID], depends_on: Sequence[UUID]) -> Document:
    return {
        "in_use_by": [str(user) for user in in_use_by],
        "depends_on": [str(needed) for needed in depends_on],
    }
