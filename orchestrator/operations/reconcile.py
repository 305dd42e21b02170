"""The reconciler: finds lost processes, whose execution closed without an entry in the trail."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import asyncpg
from temporalio.client import Client
from temporalio.service import RPCError

from orchestrator.database import open_processes, processes
from orchestrator.database.connection import NO_ANSWER, NotPermitted, Pool, transaction
from orchestrator.database.processes import TrailRow
from orchestrator.domain.errors import DomainError
from orchestrator.domain.process import ProcessStatus
from orchestrator.operations.own_temporal import require_own_temporal
from orchestrator.temporal.executions import closed_as
from orchestrator.temporal.metrics import ENDED, SILENT, Metrics

EVERY = timedelta(hours=1)
"""How often a worker looks for lost processes."""

RETRY = timedelta(minutes=1)
"""How long it waits if Temporal or PostgreSQL did not answer."""

log = logging.getLogger("worker")


async def reconcile_hourly(
    client: Client,
    pool: Pool,
    metrics: Metrics = SILENT,
    *,
    every: timedelta = EVERY,
    retry: timedelta = RETRY,
) -> NoReturn:
    """Look for lost processes now and every hour; retry sooner if Temporal or PostgreSQL does not answer."""
    while True:
        pause = every
        try:
            for lost in await reconcile(client, pool):
                metrics.count(ENDED, lost.workflow, lost.target, ProcessStatus.LOST)
                log.warning("process %s is lost: set its subscription in sync", lost.process_id)
        except (RPCError, DomainError, NotPermitted, asyncpg.PostgresError, *NO_ANSWER) as error:
            log.warning("cannot reconcile now: %s", error)
            pause = retry
        await asyncio.sleep(pause.total_seconds())


async def reconcile(client: Client, pool: Pool) -> list[TrailRow]:
    """Mark processes as `lost` that are open in the trail but not in Temporal; return these.

    Their subscriptions stay out of sync until somebody sets them in sync. Idempotent: it may run at any time,
    and in several programs at once.

    Raises:
        AnotherTemporal: when the processes of this database run in another one; nothing is marked.
        RPCError: when Temporal does not answer; those found until then are marked.
    """
    await require_own_temporal(client, pool)
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
        return await open_processes.mark_lost(
            connection, process_id, open_processes.lost_reason(closed), datetime.now(UTC)
        )
