"""The step log of a process, from its event history."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel
from pydantic_core import from_json
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

StepStatus = Literal["running", "retrying", "completed", "failed", "canceled"]

BOOKKEEPING = frozenset({"begin_roll_back", "record_event", "end_process", "repeat_abort"})
"""Activities that are not steps: they only write the trail."""


class StepLog(BaseModel):
    """A step and its progress."""

    name: str
    title: str
    status: StepStatus
    attempts: int
    """Attempts so far. One in progress is not in the history; it comes from `describe`."""
    started_at: datetime | None
    ended_at: datetime | None
    failure: str | None
    """Message of the last failed attempt; `None` if none failed, or if the history kept only the success."""


async def chain_history(client: Client, process_id: str) -> AsyncIterator[list[HistoryEvent]]:
    """Yield the history of each run of a process, the last run first."""
    run_id: str | None = None
    while True:
        handle = client.get_workflow_handle(process_id, run_id=run_id)
        try:
            events = [event async for event in handle.fetch_history_events()]
        except RPCError as error:
            if run_id is None or error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return  # an earlier run is older than the namespace's retention
        yield events
        started = events[0].workflow_execution_started_event_attributes
        run_id = started.continued_execution_run_id
        if not run_id:
            return


def step_log(events: Sequence[HistoryEvent], pending: Sequence[PendingActivityInfo]) -> list[StepLog]:
    """Return the steps that have begun, in order; a step that was retried by hand is listed once.

    Args:
        events: the events of all runs, in order.
        pending: the activities in progress; their attempts are not in the history yet.
    """
    log: dict[tuple[str, str], StepLog] = {}
    local: list[StepLog] = []
    scheduled: dict[int, StepLog] = {}
    for event in events:
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                scheduled = {}
            case EventType.EVENT_TYPE_MARKER_RECORDED:
                _read_marker(event, log, local)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                name = event.activity_task_scheduled_event_attributes.activity_type.name
                scheduled[event.event_id] = _entry(log, name, _text(event.user_metadata.summary))
                scheduled[event.event_id].started_at = _time(event)
            case _:
                _read_activity(event, scheduled)
    for activity in pending:
        _read_pending(activity, log)
    return [step for (name, _), step in log.items() if name not in BOOKKEEPING]


class LastError(BaseModel):
    """The error that a process ended with, or parked on."""

    type: str
    """The class name of the error; programs rely on it."""
    message: str


def last_error(events: Sequence[HistoryEvent]) -> LastError | None:
    """Return the last failure of the process or of a step; `None` if there is none."""
    for event in reversed(events):
        attributes = getattr(event, event.WhichOneof("attributes") or "event_id")
        failure = getattr(attributes, "failure", None)
        if failure is None or not failure.message:
            continue
        while failure.HasField("cause") and not failure.HasField("application_failure_info"):
            failure = failure.cause
        kind = failure.application_failure_info.type or "Failure"
        return LastError(type=kind, message=failure.message)
    return None


def failure_text(failure: Failure) -> str:
    """Return the innermost message of a failure: the cause, not that an activity failed."""
    while failure.HasField("cause") and not failure.HasField("application_failure_info"):
        failure = failure.cause
    return failure.message


def _entry(log: dict[tuple[str, str], StepLog], name: str, title: str) -> StepLog:
    blank = StepLog(
        name=name, title=title, status="running", attempts=0, started_at=None, ended_at=None, failure=None
    )
    step = log.setdefault((name, title), blank)
    step.status, step.ended_at = "running", None
    return step


def _read_marker(event: HistoryEvent, log: dict[tuple[str, str], StepLog], local: list[StepLog]) -> None:
    attributes = event.marker_recorded_event_attributes
    if attributes.marker_name != "core_local_activity":
        return
    data = from_json(attributes.details["data"].payloads[0].data)
    step = _entry(log, data["activity_type"], _text(event.user_metadata.summary))
    step.attempts += data["attempt"]
    began = data["original_schedule_time"]
    scheduled_at = datetime.fromtimestamp(began["seconds"] + began["nanos"] / 1e9, tz=UTC)
    step.started_at = step.started_at or scheduled_at
    # The history records local activities together when the task completes: one ended when the next began.
    if local and local[-1].ended_at is not None:
        local[-1].ended_at = min(local[-1].ended_at, scheduled_at)
    local.append(step)
    if attributes.HasField("failure"):
        step.failure = failure_text(attributes.failure)
        step.status = "canceled" if attributes.failure.HasField("canceled_failure_info") else "failed"
    else:
        step.status = "completed"
    step.ended_at = max(_time(event), step.started_at)


def _read_activity(event: HistoryEvent, scheduled: dict[int, StepLog]) -> None:
    attributes = getattr(event, event.WhichOneof("attributes") or "event_id")
    step = scheduled.get(getattr(attributes, "scheduled_event_id", 0))
    if step is None:
        return
    step.ended_at = _time(event)
    match event.event_type:
        case EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            step.attempts += attributes.attempt
            step.ended_at = None
            if attributes.HasField("last_failure"):
                step.failure = failure_text(attributes.last_failure)
        case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            step.status = "completed"
        case EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
            step.status = "canceled"
        case EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED | EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
            step.status, step.failure = "failed", failure_text(attributes.failure)


def _read_pending(activity: PendingActivityInfo, log: dict[tuple[str, str], StepLog]) -> None:
    running = [
        step
        for (name, _), step in log.items()
        if name == activity.activity_type.name and step.status == "running"
    ]
    for step in running[-1:]:
        step.attempts += activity.attempt
        if activity.HasField("last_failure"):
            step.failure = failure_text(activity.last_failure)
        if activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED and activity.attempt > 1:
            step.status = "retrying"


def _time(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(tzinfo=UTC)


def _text(payload: Payload) -> str:
    return str(from_json(payload.data)) if payload.data else ""
