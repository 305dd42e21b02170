"""Whether the execution of a process is open, which only Temporal knows."""

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode


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
