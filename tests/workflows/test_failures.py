"""A process survives passing failures, and parks on final ones."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import UpdateActivityOptionsRequest
from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.testing import WorkflowEnvironment

import orchestrator.database.processes
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from orchestrator.process.forms import OperatorNote
from orchestrator.temporal import search_attributes
from orchestrator.temporal.priorities import BY_HAND
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import Processes

SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED


async def test_an_outage_of_three_days_leaves_one_group(
    worker: None, temporal: WorkflowEnvironment, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="unreachable", name=None))
    with temporal.with_time_skipping_disabled():
        handle = await processes.create_user_group()
    await temporal.fast_forward(handle, timedelta(days=3))
    await groups.system.clear_faults()
    await temporal.fast_forward(handle)
    created = await handle.result()
    provision = (await processes.steps(handle))[3]
    assert provision.started_at is not None
    assert provision.ended_at is not None
    assert provision.ended_at - provision.started_at >= timedelta(days=3)
    assert (provision.attempts or 0) > 400
    assert await groups.find_group(created.subscription_id) is not None


async def test_a_lost_answer_leaves_one_group(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    before = await groups.system.count()
    await groups.system.order(Fault(kind="answer lost", times=3))
    created = await (await processes.create_user_group()).result()
    assert await groups.system.count() == before + 1
    assert created.status is Status.ACTIVE


async def test_a_rejection_parks_the_process_and_says_why_everywhere(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle = await processes.create_user_group("Reserved")
    row = await processes.until_parked(handle)
    subscription = await processes.subscription(handle)
    description = await handle.describe()
    assert row.failed_reason == "group_management rejects 'Reserved'"
    assert (row.last_step, row.ended_at) == ("provision_user_group", None)
    assert subscription is not None
    assert (subscription.held_by, subscription.insync) == (handle.id, False)
    assert description.status is WorkflowExecutionStatus.RUNNING
    assert description.typed_search_attributes[search_attributes.PROCESS_STATUS] == "failed"
    assert "group\\_management rejects 'Reserved'" in await processes.details(handle)


async def test_a_retry_runs_only_the_failed_step_again(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle = await processes.create_user_group("Reserved")
    await processes.until_parked(handle)
    await groups.system.clear_faults()
    answer = await processes.retry(handle, by="bob", reason="name freed")
    created = await handle.result()
    attempts = {step.name: step.attempts for step in await processes.steps(handle)}
    events = [(event.event, event.by, event.reason) for event in await processes.events(handle)]
    assert answer == "Provision user group: begun again"
    assert created.status is Status.ACTIVE
    assert attempts.pop("provision_user_group") == 2
    assert set(attempts.values()) == {1}
    assert events == [
        ("parked", None, "group_management rejects 'Reserved'"),
        ("retried", "bob", "name freed"),
    ]


async def test_a_retried_step_is_the_most_urgent(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved", times=1))
    handle = await processes.create_user_group("Reserved")
    await processes.until_parked(handle)
    await processes.retry(handle)
    await handle.result()
    priorities = [
        event.activity_task_scheduled_event_attributes.priority.priority_key
        for event in (await handle.fetch_history()).events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert priorities == [0, BY_HAND.priority_key]  # 0: as urgent as the process


async def test_a_process_that_is_not_parked_cannot_be_retried(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=3))
    handle = await processes.create_user_group()
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await processes.retry(handle)
    assert "is not parked" in str(refused.value.cause)
    assert (await handle.result()).status is Status.ACTIVE


async def test_of_two_retries_at_once_one_wins(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle = await processes.create_user_group("Reserved")
    await processes.until_parked(handle)
    await groups.system.clear_faults()
    answers = await asyncio.gather(processes.retry(handle), processes.retry(handle), return_exceptions=True)
    await handle.result()
    assert sorted(type(answer).__name__ for answer in answers) == ["WorkflowUpdateFailedError", "str"]
    assert [event.event for event in await processes.events(handle)] == ["parked", "retried"]


async def test_many_retries_keep_the_history_short(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    """The process continues as new, and keeps its first run id."""
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle = await processes.create_user_group("Reserved")
    first_run_id = (await handle.describe()).run_id
    for number in range(1, 51):
        await processes.until_parked(handle, times=number)
        await processes.retry(handle)
    await processes.until_parked(handle, times=51)
    await groups.system.clear_faults()
    await processes.retry(handle)
    created = await handle.result()
    last = await processes.latest(handle).describe()
    assert created.status is Status.ACTIVE
    assert last.run_id != first_run_id
    assert last.history_length < 1000
    assert last.raw_description.workflow_execution_info.first_run_id == first_run_id
    assert 'Create user group "Reserved": completed' in await processes.details(handle)


async def test_a_retry_in_the_first_task_of_a_parked_run_is_accepted(
    worker: None, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.process.memo.is_continued", lambda: True)
    parked = {"next_step": 3, "times_parked": 7, "failure": "rejected", "failed_step": "Provision user group"}
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        "create_user_group",
        {"group_name": "ops"},
        id=f"create_user_group-{uuid4()}",
        task_queue=processes.task_queue,
        memo={"progress": parked},
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    answer = await processes.client.execute_update_with_start_workflow(
        "retry", OperatorNote(), start_workflow_operation=start
    )
    assert answer == "Provision user group: begun again"


async def test_a_reset_process_parks_again(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject"))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    await processes.retry(handle)
    await processes.until_parked(handle, times=2)
    await processes.reset(handle)
    row = await processes.until_parked(handle, times=3)
    await groups.system.clear_faults()
    await processes.retry(processes.latest(handle))
    await processes.latest(handle).result()
    assert row.status is ProcessStatus.FAILED
    assert (await processes.read(processes.subscription_id(handle))).status is Status.ACTIVE


async def test_a_step_parks_when_the_time_limit_of_an_operator_passes(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=30, times=1))
    handle = await processes.create_user_group()
    await processes.until_step(handle, "provision_user_group")
    await processes.client.workflow_service.update_activity_options(
        UpdateActivityOptionsRequest(
            namespace=processes.client.namespace,
            execution=WorkflowExecution(workflow_id=handle.id),
            type="provision_user_group",
            activity_options=ActivityOptions(schedule_to_close_timeout=Duration(seconds=2)),
            update_mask=FieldMask(paths=["schedule_to_close_timeout"]),
        )
    )
    row = await processes.until_parked(handle)
    await processes.retry(handle)
    assert row.status is ProcessStatus.FAILED
    assert (await handle.result()).status is Status.ACTIVE


async def test_a_retry_just_before_continue_as_new_does_not_hang(
    worker: None, processes: Processes, groups: FakeGroupManagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slowly(*arguments: Any, **named: Any) -> bool:
        calls.append(None)
        if len(calls) <= 2:  # fail both local attempts: an update can arrive during the regular activity
            raise OSError
        recording.set()
        await asyncio.sleep(2)
        return await insert_event(*arguments, **named)

    calls: list[None] = []
    recording = asyncio.Event()
    insert_event = orchestrator.database.processes.insert_event
    monkeypatch.setattr("orchestrator.process.frame.LONGEST_HISTORY", 15)
    monkeypatch.setattr(orchestrator.database.processes, "insert_event", slowly)
    await groups.system.order(Fault(kind="reject", times=1))
    handle = await processes.create_user_group()
    await processes.until_step(handle, "provision_user_group")
    await recording.wait()
    async with asyncio.timeout(20):
        await processes.retry(handle)
        assert (await handle.result()).status is Status.ACTIVE
