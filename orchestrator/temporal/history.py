"""The step log of a process, from its event history."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, JsonValue
from pydantic_core import from_json
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo

StepStatus = Literal["running", "retrying", "paused", "completed", "failed", "canceled"]

BOOKKEEPING = frozenset({"begin_roll_back", "record_event", "end_process", "repeat_abort"})
"""Activities that are not steps: they only write the trail."""

_CLOSING = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    }
)
"""The last events of a run."""


class StepLog(BaseModel):
    """A step and its progress."""

    name: str
    title: str
    status: StepStatus
    attempts: int | None
    """Attempts so far; one that waits for its turn counts. Those of an activity in progress are not in the
    history; they come from `describe`. `None` if Temporal has not kept them: it was canceled between two."""
    started_at: datetime | None
    ended_at: datetime | None
    failure: str | None
    """Message of the last failed attempt; `None` if none failed, or if the history kept only the success."""
    next_attempt_at: datetime | None = None
    """When it is tried again; `None` unless it waits for its next attempt."""


class LastError(BaseModel):
    """The error that a process ended with, or parked on."""

    type: str
    """The class name of the error; programs rely on it."""
    message: str


class History:
    """What has been read of the history of a process, over all its runs."""

    def __init__(self, events: Iterable[HistoryEvent] = ()) -> None:
        self.last: HistoryEvent | None = None
        """The last event; `None` before the first."""
        self.last_error: LastError | None = None
        """The last failure of the process or of a step; `None` if there is none."""
        self.first_run_id = ""
        """Run id of the first run of the process; empty before the first event."""
        self.input: dict[str, JsonValue] = {}
        """The input of the process; empty before the first event, or if it is no object."""
        self._task_in_progress = False
        self._steps: dict[tuple[str, str], StepLog] = {}
        self._last_local: StepLog | None = None
        self._scheduled: dict[int, StepLog] = {}
        self._of_earlier_runs: frozenset[tuple[str, str]] = frozenset()
        self.add(events)

    @property
    def activity_in_progress(self) -> bool:
        """Whether an activity is in progress; Temporal records its attempts when it ends."""
        return bool(self._scheduled)

    @property
    def closed(self) -> bool:
        """Whether the last run has closed."""
        return self.last is not None and self.last.event_type in _CLOSING

    @property
    def at_rest(self) -> bool:
        """Whether no worker has anything to add: neither an activity nor a workflow task is in progress."""
        return not self._scheduled and not self._task_in_progress

    def add(self, events: Iterable[HistoryEvent]) -> None:
        """Add the events that come next; the runs in order."""
        for event in events:
            self._read(event)
            self.last_error = _error_of(event) or self.last_error
            self.last = event

    def steps(self, pending: Iterable[PendingActivityInfo] = ()) -> list[StepLog]:
        """Return the steps that have begun, in order; a step that was retried by hand is listed once.

        Args:
            pending: the activities in progress; their attempts are not in the history yet.
        """
        steps = [step.model_copy() for (name, _), step in self._steps.items() if name not in BOOKKEEPING]
        for activity in pending:
            _read_pending(activity, steps)
        return steps

    def _read(self, event: HistoryEvent) -> None:
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                started = event.workflow_execution_started_event_attributes
                self.first_run_id = started.first_execution_run_id
                self.input = self.input or _object(started.input)
                done = (key for key, step in self._steps.items() if step.status == "completed")
                self._of_earlier_runs = frozenset(done)
            case EventType.EVENT_TYPE_MARKER_RECORDED:
                self._read_marker(event)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                name = event.activity_task_scheduled_event_attributes.activity_type.name
                step = self._entry(name, _text(event.user_metadata.summary))
                step.started_at = _time(event)
                self._scheduled[event.event_id] = step
            case EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
                self._task_in_progress = True
            case EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                self._task_in_progress = False
            case kind if kind in _CLOSING:
                self._scheduled.clear()
                self._task_in_progress = False
            case _:
                self._read_activity(event)

    def _entry(self, name: str, title: str) -> StepLog:
        blank = StepLog(
            name=name, title=title, status="running", attempts=0, started_at=None, ended_at=None, failure=None
        )
        if (name, title) in self._of_earlier_runs:  # done then, and now something else by the same name
            self._of_earlier_runs -= {(name, title)}
            del self._steps[name, title]
        step = self._steps.setdefault((name, title), blank)
        step.status, step.ended_at = "running", None
        return step

    def _read_marker(self, event: HistoryEvent) -> None:
        attributes = event.marker_recorded_event_attributes
        if attributes.marker_name != "core_local_activity":
            return
        data = from_json(attributes.details["data"].payloads[0].data)
        step = self._entry(data["activity_type"], _text(event.user_metadata.summary))
        step.attempts = _sum(step.attempts, data["attempt"])
        began = data["original_schedule_time"]
        scheduled_at = datetime.fromtimestamp(began["seconds"] + began["nanos"] / 1e9, tz=UTC)
        step.started_at = step.started_at or scheduled_at
        # The history records local activities together when the task completes: one ended as the next began.
        if self._last_local is not None and self._last_local.ended_at is not None:
            self._last_local.ended_at = min(self._last_local.ended_at, scheduled_at)
        self._last_local = step
        if attributes.HasField("failure"):
            step.failure = failure_text(attributes.failure)
            step.status = "canceled" if attributes.failure.HasField("canceled_failure_info") else "failed"
        else:
            step.status = "completed"
        step.ended_at = max(_time(event), step.started_at)

    def _read_activity(self, event: HistoryEvent) -> None:
        attributes = getattr(event, event.WhichOneof("attributes") or "event_id")
        scheduled_id = getattr(attributes, "scheduled_event_id", 0)
        step = self._scheduled.get(scheduled_id)
        if step is None:
            return
        match event.event_type:
            case EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
                step.attempts = _sum(step.attempts, attributes.attempt)
                if attributes.HasField("last_failure"):
                    step.failure = failure_text(attributes.last_failure)
                return
            case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                step.status = "completed"
            case EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
                step.status = "canceled"
                if not attributes.started_event_id:
                    step.attempts = None
            case EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED | EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
                step.status, step.failure = "failed", failure_text(attributes.failure)
            case _:
                return
        step.ended_at = _time(event)
        del self._scheduled[scheduled_id]


def step_log(events: Iterable[HistoryEvent], pending: Iterable[PendingActivityInfo]) -> list[StepLog]:
    """Return the steps of a process from the events of all its runs, and the activities in progress."""
    return History(events).steps(pending)


def failure_text(failure: Failure) -> str:
    """Return the innermost message of a failure: the cause, not that an activity failed."""
    while failure.HasField("cause") and not failure.HasField("application_failure_info"):
        failure = failure.cause
    return failure.message


def _error_of(event: HistoryEvent) -> LastError | None:
    attributes = getattr(event, event.WhichOneof("attributes") or "event_id")
    failure = getattr(attributes, "failure", None)
    if failure is None or not failure.message:
        return None
    while failure.HasField("cause") and not failure.HasField("application_failure_info"):
        failure = failure.cause
    kind = failure.application_failure_info.type or "Failure"
    return LastError(type=kind, message=failure.message)


def _read_pending(activity: PendingActivityInfo, steps: Iterable[StepLog]) -> None:
    running = [
        step for step in steps if step.name == activity.activity_type.name and step.status == "running"
    ]
    for step in running[-1:]:
        step.attempts = _sum(step.attempts, activity.attempt)
        if activity.HasField("last_failure"):
            step.failure = failure_text(activity.last_failure)
        waits = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
        paused = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED
        if paused or (waits and activity.paused):
            step.status = "paused"
        elif waits and activity.attempt > 1:
            step.status = "retrying"
            step.next_attempt_at = activity.next_attempt_schedule_time.ToDatetime(tzinfo=UTC)


def _sum(attempts: int | None, more: int) -> int | None:
    return None if attempts is None else attempts + more


def _time(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(tzinfo=UTC)


def _object(arguments: Payloads) -> dict[str, JsonValue]:
    """Return the first argument if it is a JSON object; anybody can start a process with anything."""
    with suppress(ValueError):
        if isinstance(found := from_json(arguments.payloads[0].data if arguments.payloads else b""), dict):
            return found
    return {}


def _text(payload: Payload) -> str:
    return str(from_json(payload.data)) if payload.data else ""
