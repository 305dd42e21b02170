"""The bench counts what Temporal Cloud bills, and the payloads of a history."""

import pytest
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent

from tests.recorded import recorded
from trials.bench.figures import Measure
from trials.bench.history import billable_actions, cost, payload_bytes


@pytest.mark.parametrize(
    ("name", "actions"),
    [
        # A start, three upserts, the markers of two workflow tasks, one regular activity.
        ("create_user_group.done", 1 + 3 + 2 + 1),
        # As before, and three retries of the activity.
        ("create_user_group.outage", 1 + 3 + 2 + 1 + 3),
        # Every local step has failed, so it leaves a marker and runs again as a regular one.
        ("create_user_group.database_outage", 1 + 3 + 5 + 6),
        # Refused before it calls the external system: the markers are of one workflow task.
        ("modify_user_group.refused", 1 + 3 + 1),
        # Two more upserts, the update, the failed activity, and the markers of one more workflow task.
        ("create_user_group.retried", 1 + 5 + 4 + 2 + 1),
        # One child: two actions. The timer is the wait for its end.
        ("validate_subscriptions.done", 1 + 2 + 1 + 2 + 1),
    ],
)
def test_the_actions_of_a_history_are_counted(name: str, actions: int) -> None:
    assert billable_actions(recorded(name).events) == actions


def event(kind: EventType.ValueType, **attributes: object) -> HistoryEvent:
    """Return the third event of a history."""
    return HistoryEvent(event_id=3, event_type=kind, **attributes)  # type: ignore[arg-type]


def test_local_retries_are_billed_up_to_a_hundred() -> None:
    def completed(retries: int) -> HistoryEvent:
        metered = {"metering_metadata": {"nonfirst_local_activity_execution_attempts": retries}}
        return event(
            EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, workflow_task_completed_event_attributes=metered
        )

    assert billable_actions([completed(3)]) == 3
    assert billable_actions([completed(130)]) == 100


def test_markers_and_attributes_of_versions_are_free() -> None:
    marker = {"marker_name": "core_patch", "workflow_task_completed_event_id": 2}
    attributes: dict[str, object] = {"search_attributes": {"indexed_fields": {"TemporalChangeVersion": {}}}}
    free = [
        event(EventType.EVENT_TYPE_MARKER_RECORDED, marker_recorded_event_attributes=marker),
        event(
            EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
            upsert_workflow_search_attributes_event_attributes=attributes,
        ),
    ]
    assert billable_actions(free) == 0


def test_a_schedule_is_two_more_actions_once() -> None:
    def started(original: str) -> HistoryEvent:
        attributes = {
            "first_execution_run_id": "first",
            "original_execution_run_id": original,
            "search_attributes": {"indexed_fields": {"TemporalScheduledById": {}}},
        }
        return event(
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
            workflow_execution_started_event_attributes=attributes,
        )

    assert billable_actions([started("first")]) == 3
    assert billable_actions([started("continued")]) == 1


def test_a_reset_is_an_action_and_a_failed_task_is_none() -> None:
    def failed(cause: WorkflowTaskFailedCause.ValueType) -> HistoryEvent:
        attributes = {"cause": cause}
        return event(
            EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED, workflow_task_failed_event_attributes=attributes
        )

    cause = WorkflowTaskFailedCause
    assert billable_actions([failed(cause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW)]) == 1
    assert billable_actions([failed(cause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR)]) == 0


def test_payloads_are_found_wherever_they_are() -> None:
    found = event(
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
        workflow_execution_started_event_attributes={
            "input": {"payloads": [{"data": b"12345"}, {"data": b"678"}]},
            "memo": {"fields": {"name": {"data": b"90"}}},
        },
        user_metadata={"summary": {"data": b"x"}},
    )
    assert payload_bytes(found) == 5 + 3 + 2 + 1


def test_the_cost_of_a_history_has_events_and_bytes() -> None:
    found = cost(recorded("create_user_group.done").events)
    assert found[Measure.EVENTS] == 19
    assert found[Measure.HISTORY_BYTES] > found[Measure.PAYLOAD_BYTES] > 4000
