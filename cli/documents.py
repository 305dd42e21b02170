"""The JSON documents that commands print."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from temporalio.api.history.v1 import HistoryEvent

from catalogue import registered_workflows, workflow_type
from cli.connections import Connections
from orchestrator.database import processes, relations, subscriptions
from orchestrator.database.connection import Connection
from orchestrator.database.processes import TrailRow
from orchestrator.domain.gate import SubscriptionNotFound
from orchestrator.domain.process import ProcessStatus
from orchestrator.temporal.executions import Execution, find_execution
from orchestrator.temporal.history import (
    LastError,
    StepLog,
    chain_history,
    failure_text,
    last_error,
    step_log,
)

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
    in_use_by, depends_on = await relations.relations(connection, subscription_id)
    document = stored.subscription.model_dump(mode="json")
    return document | {
        "in_use_by": [str(user) for user in in_use_by],
        "depends_on": [str(needed) for needed in depends_on],
    }


async def process_document(connections: Connections, process_id: str) -> ProcessDocument:
    """Return the document of a process.

    Raises:
        ProcessNotFound: if neither the trail nor Temporal knows it.
    """
    async with connections.pool.acquire() as connection:
        row = await processes.read_process(connection, process_id)
        events = await processes.read_events(connection, process_id)
    document = await with_steps(connections, process_id, row)
    happened = [event.event for event in events]
    found = {"times_parked": happened.count("parked"), "aborted": "abort requested" in happened}
    return document.model_copy(update=found)


async def with_steps(connections: Connections, process_id: str, row: TrailRow | None) -> ProcessDocument:
    """Return the document of a process, given its trail row.

    Args:
        row: its trail row; `None` if it has none.

    Raises:
        ProcessNotFound: if it has no row and Temporal does not know it either.
    """
    execution = await find_execution(connections.client, process_id)
    if row is not None and row.ended_at is None and (execution is None or execution.closed_as is not None):
        row = await _lost_or_ended(connections, row, execution)
    if execution is None:
        if row is None:
            raise ProcessNotFound(process_id)
        return ProcessDocument(**row.model_dump())
    runs = [events async for events in chain_history(connections.client, process_id)]
    events = [event for run in reversed(runs) for event in run]
    steps = step_log(events, execution.pending_activities)
    row = row or _row_of(process_id, execution, events)
    return ProcessDocument(**row.model_dump(), steps=tuple(steps), last_error=last_error(events))


async def _lost_or_ended(connections: Connections, row: TrailRow, execution: Execution | None) -> TrailRow:
    """Return the trail row of a process that Temporal has closed, as the reconciler would leave it."""
    async with connections.pool.acquire() as connection:  # it may have ended since its row was read
        now = await processes.read_process(connection, row.process_id)
    if now is None or now.ended_at is not None:
        return now or row
    closed_as = "not found" if execution is None else execution.closed_as
    found = {
        "status": ProcessStatus.LOST,
        "failed_reason": processes.lost_reason(closed_as or ""),
        "ended_at": None if execution is None else execution.ended_at,
    }
    return now.model_copy(update=found)


def _row_of(process_id: str, execution: Execution, events: list[HistoryEvent]) -> TrailRow:
    # It has no row if no worker has started it yet, or if its input was refused before the first step.
    definition = next(
        (one for one in registered_workflows() if workflow_type(one) == execution.workflow), None
    )
    if definition is None:
        raise ProcessNotFound(process_id)
    status, still_open = execution.process_status, execution.closed_as is None
    if status == ProcessStatus.RUNNING and not still_open:
        status = ProcessStatus.LOST  # it closed without recording its end, and the reconciler finds no row
    failed = events[-1].workflow_execution_failed_event_attributes
    return TrailRow(
        process_id=process_id,
        workflow=execution.workflow,
        target=definition.target,
        subscription_id=None,
        status=ProcessStatus(status or (ProcessStatus.RUNNING if still_open else ProcessStatus.FAILED)),
        created_by=None,
        reason=None,
        started_at=execution.started_at,
        ended_at=execution.ended_at,
        last_step=None,
        failed_reason=failure_text(failed.failure) if failed.HasField("failure") else None,
    )
