"""What a history costs: events, bytes, and the actions that Temporal Cloud bills.

The rules are those of https://docs.temporal.io/evaluate/cloud/actions, of which a history shows all but
heartbeats, queries, rejected updates and exports. Temporal's Web UI counts a history in the same way.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent

from trials.bench.figures import Measure

FREE_MARKERS = {"core_patch", "Version"}
"""Markers of workflow versions, which are free."""
FREE_ATTRIBUTE = "TemporalChangeVersion"
"""Search attribute of workflow versions, which is free."""
MOST_LOCAL_RETRIES = 100
"""Retries of local activities that are billed for one workflow task at most."""


def cost(events: Sequence[HistoryEvent]) -> dict[Measure, float]:
    """Return what a history costs."""
    return {
        Measure.EVENTS: len(events),
        Measure.HISTORY_BYTES: sum(event.ByteSize() for event in events),
        Measure.PAYLOAD_BYTES: sum(map(payload_bytes, events)),
        Measure.ACTIONS: billable_actions(events),
    }


def payload_bytes(message: Message) -> int:
    """Return the bytes of data of all payloads in a message."""
    if isinstance(message, Payload):
        return len(message.data)
    return sum(payload_bytes(one) for _, value in message.ListFields() for one in _messages(value))


def _messages(value: Any) -> Iterable[Message]:
    if isinstance(value, Message):
        return [value]
    if isinstance(value, Mapping):
        value = value.values()
    elif isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return []
    return (one for one in value if isinstance(one, Message))


def billable_actions(events: Sequence[HistoryEvent]) -> int:
    """Return the number of actions that Temporal Cloud bills for a history."""
    # All markers of one workflow task are one action, however many local activities it ran.
    tasks_with_markers = {
        event.marker_recorded_event_attributes.workflow_task_completed_event_id
        for event in events
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
        and event.marker_recorded_event_attributes.marker_name not in FREE_MARKERS
    }
    return len(tasks_with_markers) + sum(ACTIONS.get(event.event_type, _none)(event) for event in events)


def _none(event: HistoryEvent) -> int:
    return 0


def _one(event: HistoryEvent) -> int:
    return 1


def _two(event: HistoryEvent) -> int:
    return 2


def _of_start(event: HistoryEvent) -> int:
    # A schedule is two more actions, once. Search attributes in the start request are free.
    started = event.workflow_execution_started_event_attributes
    first_run = started.first_execution_run_id == started.original_execution_run_id
    scheduled = "TemporalScheduledById" in started.search_attributes.indexed_fields
    return 3 if scheduled and first_run else 1


def _of_signal(event: HistoryEvent) -> int:
    # A signal that starts its workflow is the second event, and one action together with the start.
    return int(event.event_id != 2)  # noqa: PLR2004


def _of_upsert(event: HistoryEvent) -> int:
    upserted = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
    return int(set(upserted) != {FREE_ATTRIBUTE})


def _of_activity_started(event: HistoryEvent) -> int:
    return event.activity_task_started_event_attributes.attempt - 1  # the first attempt is no retry


def _of_task_completed(event: HistoryEvent) -> int:
    metered = event.workflow_task_completed_event_attributes.metering_metadata
    return min(metered.nonfirst_local_activity_execution_attempts, MOST_LOCAL_RETRIES)


def _of_task_failed(event: HistoryEvent) -> int:
    cause = event.workflow_task_failed_event_attributes.cause
    return int(cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW)


ACTIONS: dict[int, Callable[[HistoryEvent], int]] = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: _of_start,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: _of_signal,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: _one,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED: _one,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: _of_upsert,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: _two,  # to store the intent, and to try it
    EventType.EVENT_TYPE_TIMER_STARTED: _one,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: _one,
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: _of_activity_started,
    EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED: _one,
    EventType.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED: _one,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: _of_task_completed,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED: _of_task_failed,
}
"""Counts the actions of an event, by its type; markers are counted by workflow task."""
