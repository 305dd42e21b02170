"""Whether the cancellation of a process was requested: Temporal knows it before the process hears of it."""

from datetime import timedelta

from temporalio.client import Client

PATIENCE = timedelta(seconds=2)
"""Who asks has locked rows: a Temporal that hangs must not lock them for long."""


async def is_cancellation_requested(client: Client, process_id: str) -> bool:
    """Return whether Temporal has accepted a request to cancel this process.

    Raises:
        RPCError: when Temporal does not answer, or knows no such process.
    """
    description = await client.get_workflow_handle(process_id).describe(rpc_timeout=PATIENCE)
    return description.raw_description.workflow_extended_info.cancel_requested
