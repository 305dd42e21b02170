"""The reconciler: a process whose execution closed without saying so is lost."""

from datetime import UTC, datetime

from temporalio.client import Client

from orchestrator.database import processes
from orchestrator.database.connection import Pool, transaction
from orchestrator.database.processes import TrailRow
from orchestrator.temporal.executions import closed_as


async def reconcile(client: Client, pool: Pool) -> list[TrailRow]:
    """Give processes that the trail takes for open, and that are not, the status `lost`; return these.

    What they hold stays out of sync, until somebody sets it in sync. May run at any time, anywhere.

    Raises:
        RPCError: when Temporal does not answer; those found until then are marked.
    """
    async with pool.acquire() as connection:
        open_rows = await processes.list_open_processes(connection)
    lost = []
    for row in open_rows:
        closed = await closed_as(client, row.process_id)
        if closed is not None and await _mark_lost(pool, row.process_id, closed):
            lost.append(row)
    return lost


async def _mark_lost(pool: Pool, process_id: str, closed: str) -> bool:
    async with transaction(pool) as connection:
        return await processes.mark_lost(
            connection, process_id, f"Its execution in Temporal: {closed}", datetime.now(UTC)
        )
