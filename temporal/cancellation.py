"""Whether the cancellation of a process was requested: Temporal knows it before the process hears of it."""

from temporalio.client import Client


async def is_cancellation_requested(client: Client, process_id: str) -> bool:
    """Return whether Temporal has accepted a request to cancel this process.

    Raises:
        RPCError: when Temporal does not answer, or knows no such process.
    """
    description = await client.get_workflow_handle(process_id).describe()
    return description.raw_description.workflow_extended_info.cancel_requested
