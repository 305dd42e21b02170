"""The state of an execution, which only Temporal knows: open, closed, cancellation requested."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from pydantic_core import from_json
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState, WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    ResetActivityRequest,
)
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.domain.scheduled import Scheduled
from orchestrator.temporal import search_attributes
from orchestrator.temporal.connection import Service
from orchestrator.temporal.visibility import scheduled_of

if TYPE_CHECKING:
    from temporalio.client import Client

PATIENCE = timedelta(seconds=2)
"""How long a step waits for Temporal to say whether an abort of its process was requested."""

_CLOSED: Mapping[int, str] = {
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED: "completed",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED: "failed",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED: "canceled",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED: "terminated",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT: "timed out",
}
"""Every status of an execution that can never continue. Any other status is open: running, paused,
continued as new, or one that a later Temporal server introduces."""


@dataclass(frozen=True)
class Execution:
    """A process as Temporal describes it.

    The SDK's own `describe` raises an error if it does not know the status, for example when paused.
    """

    workflow: str
    """Workflow type."""
    run_id: str
    """Run id of the latest run."""
    first_run_id: str
    """Run id of the first run; those that continue it have others."""
    process_status: str | None
    """Search attribute `ProcessStatus`; `None` until the process sets it. One that waits runs."""
    closed_as: str | None
    """How it closed, for example "timed out"; `None` while it is open."""
    is_cancellation_requested: bool
    pending_activities: Sequence[PendingActivityInfo]
    started_at: datetime
    ended_at: datetime | None
    """`None` while it is open."""
    scheduled: Scheduled | None
    """What it starts later; `None` if it is a process itself."""

    @classmethod
    def of(cls, described: DescribeWorkflowExecutionResponse) -> Self:
        """Return the execution that Temporal's answer describes."""
        info = described.workflow_execution_info
        # Read without the SDK's converter, which takes long to import.
        found = info.search_attributes.indexed_fields.get(search_attributes.PROCESS_STATUS.name)
        status = None if found is None else from_json(found.data)
        closed = info.HasField("close_time")
        return cls(
            workflow=info.type.name,
            run_id=info.execution.run_id,
            first_run_id=info.first_run_id,
            process_status="running" if status == search_attributes.WAITING else status,
            closed_as=_CLOSED.get(info.status),
            is_cancellation_requested=described.workflow_extended_info.cancel_requested,
            pending_activities=tuple(described.pending_activities),
            started_at=info.start_time.ToDatetime(tzinfo=UTC),
            ended_at=info.close_time.ToDatetime(tzinfo=UTC) if closed else None,
            scheduled=scheduled_of(info.memo),
        )


async def find_execution(client: "Client | Service", process_id: str) -> Execution | None:
    """Return the latest execution of a process, or `None` if Temporal knows none.

    Raises:
        RPCError: when Temporal does not answer.
    """
    try:
        return await _describe(client, process_id)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def closed_as(client: "Client", process_id: str) -> str | None:
    """Return how the execution of a process closed, "not found" if there is none; `None` while it is open.

    Raises:
        RPCError: when Temporal does not answer.
    """
    execution = await find_execution(client, process_id)
    return "not found" if execution is None else execution.closed_as


async def is_cancellation_requested(client: "Client", process_id: str) -> bool:
    """Return whether Temporal has accepted a request to cancel this process.

    Raises:
        RPCError: when Temporal does not answer within `PATIENCE`, or knows no such process.
    """
    try:
        # Not only the request's own timeout: a Temporal that limits its rate has the SDK wait and try again.
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return (await _describe(client, process_id)).is_cancellation_requested
    except TimeoutError:
        message = f"Temporal has not answered within {PATIENCE.total_seconds():.0f} s"
        raise RPCError(message, RPCStatusCode.DEADLINE_EXCEEDED, b"") from None


async def request_cancellation(
    client: "Client", process_id: str, first_execution_run_id: str, reason: str
) -> None:
    """Request the cancellation of a process. Idempotent while it is open.

    Args:
        first_execution_run_id: the first run of the process; a later process with the same id stays
            untouched.

    Raises:
        RPCError: when Temporal does not answer, or the process is not open.
    """
    handle = client.get_workflow_handle(process_id, first_execution_run_id=first_execution_run_id)
    await handle.cancel(reason=reason)


async def attempt_now(client: "Client | Service", process_id: str) -> bool:
    """Make the next attempt of the step that waits for it now; return whether one was waiting.

    Its attempts are counted anew. What is in progress or paused is left alone.

    Raises:
        RPCError: when Temporal does not answer, or the process is not open.
    """
    execution = await _describe(client, process_id)
    waiting = [one for one in execution.pending_activities if waits_for_attempt(one)]
    for activity in waiting:
        await client.workflow_service.reset_activity(
            ResetActivityRequest(
                namespace=client.namespace,
                execution=WorkflowExecution(workflow_id=process_id),
                id=activity.activity_id,
            )
        )
    return bool(waiting)


def waits_for_attempt(activity: PendingActivityInfo) -> bool:
    """Return whether the activity has failed for now, and waits for its next attempt."""
    scheduled = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    return scheduled and activity.attempt > 1 and not activity.paused


async def _describe(client: "Client | Service", process_id: str) -> Execution:
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=process_id)
    )
    described = await client.workflow_service.describe_workflow_execution(request, retry=True)
    return Execution.of(described)
