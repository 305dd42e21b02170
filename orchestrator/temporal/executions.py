"""How the execution of a process stands, which only Temporal knows: open, closed, to be cancelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from pydantic_core import from_json
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
)
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.temporal import search_attributes
from orchestrator.temporal.connection import Service

if TYPE_CHECKING:
    from temporalio.client import Client

PATIENCE = timedelta(seconds=2)
"""How long a step waits for the answer whether its process is to be aborted."""

_CLOSED: Mapping[int, str] = {
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED: "completed",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED: "failed",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED: "canceled",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED: "terminated",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT: "timed out",
}
"""Every status of an execution that can never go on. Any other status is open: running, paused,
continued as new, or one that a later Temporal server brings."""


@dataclass(frozen=True)
class Execution:
    """A process as Temporal describes it.

    The SDK's own `describe` raises an error when it does not know the status, as of a paused execution.
    """

    workflow: str
    """The workflow type."""
    process_status: str | None
    """The search attribute; `None` until the process sets it."""
    closed_as: str | None
    """How it closed, in words; `None` while it is open."""
    is_cancellation_requested: bool
    pending_activities: Sequence[PendingActivityInfo]
    started_at: datetime
    ended_at: datetime | None
    """`None` while it is open."""

    @classmethod
    def of(cls, described: DescribeWorkflowExecutionResponse) -> Self:
        """Return the execution that this answer of Temporal describes."""
        info = described.workflow_execution_info
        # Read without the SDK's converter, which takes long to import.
        status = info.search_attributes.indexed_fields.get(search_attributes.PROCESS_STATUS.name)
        closed = info.HasField("close_time")
        return cls(
            workflow=info.type.name,
            process_status=None if status is None else from_json(status.data),
            closed_as=_CLOSED.get(info.status),
            is_cancellation_requested=described.workflow_extended_info.cancel_requested,
            pending_activities=tuple(described.pending_activities),
            started_at=info.start_time.ToDatetime(tzinfo=UTC),
            ended_at=info.close_time.ToDatetime(tzinfo=UTC) if closed else None,
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
        RPCError: when Temporal does not answer: then nobody knows.
    """
    execution = await find_execution(client, process_id)
    return "not found" if execution is None else execution.closed_as


async def is_cancellation_requested(client: "Client", process_id: str) -> bool:
    """Return whether Temporal has accepted a request to cancel this process.

    Raises:
        RPCError: when Temporal does not answer, or knows no such process.
    """
    return (await _describe(client, process_id, patience=PATIENCE)).is_cancellation_requested


async def request_cancellation(client: "Client", process_id: str, reason: str) -> None:
    """Request the cancellation of a process. Idempotent while it is open.

    Raises:
        RPCError: when Temporal does not answer, or the process is not open.
    """
    await client.get_workflow_handle(process_id).cancel(reason=reason)


async def _describe(
    client: "Client | Service", process_id: str, *, patience: timedelta | None = None
) -> Execution:
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=process_id)
    )
    described = await client.workflow_service.describe_workflow_execution(
        request, retry=True, timeout=patience
    )
    return Execution.of(described)
