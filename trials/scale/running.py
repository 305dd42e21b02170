"""A run: a new embedded stack, which measures with one, two and four workers in turns."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import fmean

from temporalio.client import Client

from cli import output
from orchestrator.database.connection import Pool, open_pool
from orchestrator.temporal.connection import connect
from orchestrator.temporal.task_queue import TASK_QUEUE
from stack.addresses import Addresses
from stack.embedded import embedded_stack
from trials.bench import measuring
from trials.bench.figures import Machine, Measure
from trials.bench.machine import machine
from trials.bench.parts import Parts
from trials.bench.subjects import Lifecycles
from trials.scale.figures import WORKERS, Need, Needs, Result

CONCURRENCY = 10
"""Creates at a time."""
LOOK_EVERY = 0.05
"""Seconds between two looks at the connections."""


def run(rounds: int, creates: int) -> Result:
    """Measure on a new stack.

    Raises:
        BenchFailed: when a process fails, or a part of the stack ends meanwhile.
    """
    directory = Path(tempfile.mkdtemp(prefix="scale-"))
    output.say(f"In {directory}")
    load_average = os.getloadavg()
    measured: list[dict[int, Needs]] = []
    for number in range(rounds):
        output.say(f"Round {number + 1} of {rounds}")
        measured.append({workers: _with(workers, directory, creates) for workers in WORKERS})
    with embedded_stack(directory, mends=False) as addresses:
        found = asyncio.run(_machine(addresses, load_average))
    shutil.rmtree(directory)  # kept after a failure, for its logs
    return Result.of(found, measured, creates=creates, concurrency=CONCURRENCY)


def _with(workers: int, directory: Path, creates: int) -> Needs:
    """Return what a create needs with this number of workers."""
    with embedded_stack(directory, workers=workers, mends=False) as addresses:
        parts = Parts(addresses, {})
        needs = asyncio.run(_measure(addresses, parts, creates))
        parts.require_all_running()
    return needs


async def _measure(addresses: Addresses, parts: Parts, creates: int) -> Needs:
    async with _connected(addresses) as (client, pool):
        create = Lifecycles(client).subjects()[0]
        await measuring.wait_for_workers(client, TASK_QUEUE, parts.pids("ours"))
        await asyncio.gather(*(create.run() for _ in range(2 * CONCURRENCY)))  # warm
        await pool.execute("CHECKPOINT")  # so that one during the measurement is unlikely
        looking = asyncio.create_task(_look(pool))
        before = await _written(pool)
        load = await measuring.full_load(create, creates, CONCURRENCY, parts)
        after = await _written(pool)
        looking.cancel()
        busy, most = await looking
        one = await measuring.cost_of_one(client, create)
    return {
        Need.PER_SECOND: load[Measure.PER_SECOND],
        Need.CPU_WORKERS_MS: load[Measure.CPU_WORKERS_MS],
        Need.CPU_POSTGRESQL_MS: load[Measure.CPU_POSTGRESQL_MS],
        Need.CPU_SERVER_MS: load[Measure.CPU_SERVER_MS],
        # By Little's law: as many are busy at any time as come in a second, times the seconds that each is.
        Need.CONNECTION_MS: busy / load[Measure.PER_SECOND] * 1000,
        Need.CONNECTIONS: most,
        Need.WAL_BYTES: (after[0] - before[0]) / creates,
        Need.STORED_BYTES: (after[1] - before[1]) / creates,
        Need.EVENTS: one[Measure.EVENTS],
        Need.HISTORY_BYTES: one[Measure.HISTORY_BYTES],
        Need.ACTIONS: one[Measure.ACTIONS],
    }


@asynccontextmanager
async def _connected(addresses: Addresses) -> AsyncIterator[tuple[Client, Pool]]:
    client = await connect({"target_host": addresses.temporal_address})
    async with await open_pool(addresses.database_url, size=1) as pool:
        yield client, pool


async def _written(pool: Pool) -> tuple[int, int]:
    """Return the bytes that PostgreSQL has written to its log so far, and the size of the database."""
    row = await pool.fetchrow(
        """
        SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint AS log,
               pg_database_size(current_database()) AS stored
        """
    )
    assert row is not None
    return row["log"], row["stored"]


async def _look(pool: Pool) -> tuple[float, int]:
    """Look at the connections until it is cancelled; return how many were busy (mean) and open (most)."""
    busy, opened = [0], [0]
    try:
        while True:
            row = await pool.fetchrow(
                """
                SELECT count(*) AS open, count(*) FILTER (WHERE state <> 'idle') AS busy
                FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                """
            )
            assert row is not None
            busy.append(row["busy"])
            opened.append(row["open"])
            await asyncio.sleep(LOOK_EVERY)
    except asyncio.CancelledError:
        return fmean(busy[1:] or busy), max(opened)


async def _machine(addresses: Addresses, load_average: tuple[float, float, float]) -> Machine:
    async with _connected(addresses) as (client, pool):
        return await machine(client, pool, load_average)
