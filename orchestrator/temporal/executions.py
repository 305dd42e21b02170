"""How the execution of a process stands, which only Temporal knows: open, closed, to be cancelled."""

from datetime import timedelta

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

PATIENCE = timedelta(seconds=2)
"""How long a step waits for the answer whether its process is to be aborted."""


async def closed_as(client: Client, process_id: str) -> str | None:
    """Return how the execution of a process closed, "not found" where there is none; `None` while it is open.

    Raises:
        RPCError: when Temporal does not answer: then nobody knows.
    """
    try:
        description = await client.get_workflow_handle(process_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return "not found"
        raise
    status = description.status
    if status in (None, WorkflowExecutionStatus.RUNNING):
        return None
    assert status is not None
    return status.name.lower().replace("_", " ")


async def is_cancellation_requested(client: Client, process_id: str) -> bool:
    """Return whether Temporal has accepted a request to cancel this process.

    Raises:
        RPCError: when Temporal does not answer, or knows no such process.
    """
    description = await client.get_workflow_handle(process_id).describe(rpc_timeout=PATIENCE)
    return description.raw_description.workflow_extended_info.cancel_requested


async def request_cancellation(client: Client, process_id: str, reason: str) -> None:
    """Request the cancellation of a process. Idempotent while it is open.

    Raises:
        RPCError: when Temporal does not answer, or the process is not open.
    """
    await client.get_workflow_handle(process_id).cancel(reason=reason)
