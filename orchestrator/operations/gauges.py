"""The gauges of a worker: what it reads from PostgreSQL and Temporal, again and again."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NoReturn

import asyncpg
from temporalio.client import Client
from temporalio.service import RPCError

from orchestrator.database import counts
from orchestrator.database.connection import COMMAND_TIMEOUT, NO_ANSWER, Connection, Pool
from orchestrator.database.schema import read_fit
from orchestrator.temporal import metrics as names
from orchestrator.temporal.connection import Service
from orchestrator.temporal.metrics import Metrics
from orchestrator.temporal.visibility import PAGE, count_open, list_open

EVERY = timedelta(seconds=15)
"""Pause between two readings of what is cheap at any size."""

SPARSELY = timedelta(minutes=1)
"""Shortest pause between two counts of all subscriptions."""

SHARE = 100
"""Counting all subscriptions takes at most one part in this many of the time of one connection."""

WAITING = "waiting"
REASONS = ("running", "parked", "failed", "lost", "discrepancy")

log = logging.getLogger("worker")


class Gauges:
    """Reads what the gauges of a worker show."""

    def __init__(self, client: Client, pool: Pool, metrics: Metrics, versions: Sequence[str]) -> None:
        """Take what to read from.

        Args:
            versions: those of the schema that this code knows, oldest first.
        """
        self._service = Service(client.service_client, client.namespace)
        self._pool = pool
        self._metrics = metrics
        self._versions = versions
        self._waiting_since: dict[str, float] = {}
        self._count_again_at = 0.0

    async def keep_reading(self, every: timedelta = EVERY) -> NoReturn:
        """Read now and again and again; if PostgreSQL or Temporal does not answer, the gauges stay."""
        while True:
            try:
                await self.read()
            except (RPCError, asyncpg.PostgresError, *NO_ANSWER) as error:
                log.warning("cannot read the gauges now: %s", str(error) or type(error).__name__)
            else:
                self._metrics.show(names.READ_AT, time.time())
            await asyncio.sleep(every.total_seconds())

    async def read(self) -> None:
        """Read everything that is due, and show it.

        Raises:
            RPCError: when Temporal does not answer.
            Exception: any of `NO_ANSWER`, when PostgreSQL does not answer.
        """
        async with self._pool.acquire() as connection:
            fit = await read_fit(connection, self._versions)
            self._metrics.show(names.MISSING, fit.missing)
            self._metrics.show(names.TOO_NEW, fit.too_new)
            if fit.missing:
                return  # the statements below may need what is missing
            now = await counts.count(connection)
            out_of_sync = await counts.count_out_of_sync(connection)
            sizes = await counts.table_sizes(connection)
        self._show(names.OUT_OF_SYNC, dict.fromkeys(REASONS, 0) | out_of_sync)
        self._show(names.BYTES, {table: size.bytes for table, size in sizes.items()})
        self._show(names.ROWS, {table: size.rows for table, size in sizes.items()})
        self._show(
            names.PROCESSES, {"running": now.running, "parked": now.parked, WAITING: await self._waiting()}
        )
        if time.monotonic() >= self._count_again_at:
            async with self._pool.acquire() as connection:
                await self._count_subscriptions(connection)

    async def _count_subscriptions(self, connection: Connection) -> None:
        began = time.monotonic()
        # If it takes so long that it is cancelled, the next one must wait, too.
        self._count_again_at = began + SHARE * COMMAND_TIMEOUT
        found = await counts.count_subscriptions(connection)
        ended = time.monotonic()
        self._count_again_at = ended + max(SPARSELY.total_seconds(), SHARE * (ended - began))
        self._metrics.show_all(
            names.SUBSCRIPTIONS,
            {
                (product, status, "yes" if insync else "no"): number
                for (product, status, insync), number in found.items()
            },
        )

    async def _waiting(self) -> int:
        """Return how many processes wait; remember since when each has waited."""
        now = time.monotonic()
        ids = await list_open(self._service, WAITING, limit=PAGE)
        self._waiting_since = {one: self._waiting_since.get(one, now) for one in ids}
        self._metrics.show(names.OLDEST_WAITING, now - min(self._waiting_since.values(), default=now))
        return len(ids) if len(ids) < PAGE else await count_open(self._service, WAITING)

    def _show(self, metric: names.Metric, values: Mapping[str, float]) -> None:
        self._metrics.show_all(metric, {(label,): value for label, value in values.items()})
