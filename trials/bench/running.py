"""A run: a new embedded stack, and on it rounds in which floors and processes take turns."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from itertools import chain, zip_longest
from pathlib import Path
from typing import Self, TypeVar

from temporalio.client import Client

from cli import output
from orchestrator.database.connection import Pool, open_pool
from orchestrator.temporal.connection import connect
from orchestrator.temporal.task_queue import TASK_QUEUE
from settings import Settings
from stack.addresses import Addresses
from stack.detached import terminate
from stack.embedded import WORKER, embedded_stack
from trials.bench import floor_worker, measuring
from trials.bench.errors import BenchFailed
from trials.bench.figures import (
    FLOOR,
    Load,
    Machine,
    Measure,
    Measured,
    Result,
    Round,
    averaged,
    ratios,
    summarized,
)
from trials.bench.machine import machine
from trials.bench.parts import Parts, floor_workers
from trials.bench.sql import SqlOfProcesses
from trials.bench.subjects import Lifecycles, Subject, floor

T = TypeVar("T")

WORKERS = 2
"""Worker processes of the floors, and of this project."""


class Bench:
    """Measures a running stack; every method is one phase of a round."""

    def __init__(
        self, client: Client, plain: Client, pool: Pool, lifecycles: Lifecycles, sql: SqlOfProcesses
    ) -> None:
        """Create the subjects.

        Args:
            plain: a client with the defaults of the SDK, for the floors.
        """
        self._client = client
        self._pool = pool
        self._lifecycles = lifecycles
        self._sql = sql
        self._empty = floor(plain, "empty_workflow", cheap=True)
        self._floors = [
            floor(plain, "six_activities", cheap=False),
            floor(plain, "six_local_activities", cheap=False),
            Subject("SQL of a create", self._create_without_temporal, workers="none", cheap=True),
        ]
        self._ours = lifecycles.subjects()
        self._subjects = [self._empty, *self._floors, *self._ours]

    @classmethod
    @asynccontextmanager
    async def open(cls, addresses: Addresses) -> AsyncIterator[Self]:
        """Connect to the stack."""
        address, url = addresses.temporal_address, addresses.database_url
        endpoints = Settings().at(temporal_address=address, database_url=url)
        client, plain = await connect(endpoints.temporal), await Client.connect(address)
        lifecycles = Lifecycles(client)
        async with (
            await open_pool(url, size=1) as pool,
            SqlOfProcesses.open(lifecycles.first_create.entry, endpoints) as sql,
        ):
            yield cls(client, plain, pool, lifecycles, sql)

    async def with_all_workers(self, parts: Parts, load: Load) -> Round:
        """Measure all that is measured with two workers, of every subject."""
        await self._warm_up(parts, load.concurrency)
        figures = await measuring.alone(self._subjects, load.alone)
        beside = {}
        for subject in in_turns(self._floors, self._ours):
            around = [subject] if subject in self._floors else [self._empty, subject, self._empty]
            measured = [await self._full_load(one, parts, load) for one in around]
            figures[subject.name] |= measured[len(around) // 2]
            if subject in self._ours:
                beside[subject.name] = averaged(measured[::2])
        figures[FLOOR] |= averaged(beside.values())
        for subject in self._subjects:
            figures[subject.name] |= await measuring.cost_of_one(self._client, subject)
        create = self._ours[0]
        figures[create.name] |= await measuring.steady(create, load.per_second, load.seconds)
        return Round(figures, beside)

    async def _warm_up(self, parts: Parts, concurrency: int) -> None:
        """Run each process a few times: every worker imports its code and opens its connections."""
        await measuring.wait_for_workers(self._client, TASK_QUEUE, parts.pids("ours"))
        await measuring.wait_for_workers(self._client, floor_worker.TASK_QUEUE, parts.pids("floors"))
        for subject in self._subjects:
            await asyncio.gather(*(subject.run() for _ in range(concurrency)))

    async def _create_without_temporal(self) -> None:
        await self._sql.run(self._lifecycles.first_create)

    async def _full_load(self, subject: Subject, parts: Parts, load: Load) -> Measured:
        number = load.cheap if subject.cheap else load.dear
        return await measuring.full_load(subject, number, load.concurrency, parts)

    async def with_one_worker(self, done: Round, load: Load) -> None:
        """Add the throughput of a create with one worker."""
        create = self._ours[0]
        per_second = await measuring.throughput(create, load.dear, load.concurrency)
        done.figures[create.name][Measure.PER_SECOND_1_WORKER] = per_second

    async def require_every_subscription(self) -> None:
        """Raise `BenchFailed` if PostgreSQL has more or fewer active subscriptions than were made."""
        made = self._lifecycles.active + self._sql.completed
        active = await self._pool.fetchval("SELECT count(*) FROM subscriptions WHERE status = 'active'")
        if active != made:
            raise BenchFailed(f"{active} subscriptions are active, but {made} were made")

    async def machine(self, load_average: tuple[float, float, float]) -> Machine:
        """Return the machine and the versions."""
        return await machine(self._client, self._pool, load_average)


def in_turns(floors: Sequence[Subject], ours: Sequence[Subject]) -> list[Subject]:
    """Return one of each in turns: what disturbs the machine for a while disturbs both."""
    turns = chain.from_iterable(zip_longest(floors, ours))
    return [subject for subject in turns if subject is not None]


def run(load: Load) -> Result:
    """Measure on a new stack, which no earlier run has filled or warmed.

    Raises:
        BenchFailed: when a process fails, or a part of the stack ends meanwhile.
    """
    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    output.say(f"In {directory}")
    load_average = os.getloadavg()
    with (
        # Nothing is restarted: figures of a stack that had to be would mean nothing.
        embedded_stack(directory, mends=False) as addresses,
        floor_workers(directory, addresses.temporal_address, WORKERS) as floors,
        asyncio.Runner() as runner,
        _entered(runner, Bench.open(addresses)) as bench,
    ):
        rounds = []
        for number in range(load.rounds):
            output.say(f"Round {number + 1} of {load.rounds}")
            rounds.append(_measure_round(directory, floors, runner, bench, load))
        runner.run(bench.require_every_subscription())
        machine = runner.run(bench.machine(load_average))
    shutil.rmtree(directory)  # kept after a failure, for its logs
    return Result(machine=machine, load=load, figures=summarized(rounds), ratios=ratios(rounds))


def _measure_round(
    directory: Path, floors: dict[str, int], runner: asyncio.Runner, bench: Bench, load: Load
) -> Round:
    with embedded_stack(directory, workers=WORKERS, mends=False) as addresses:
        parts = Parts(addresses, floors)
        done = runner.run(bench.with_all_workers(parts, load))
        parts.require_all_running()
    last = f"worker-{WORKERS}"
    terminate(addresses.pids[last], WORKER)
    runner.run(bench.with_one_worker(done, load))
    parts.require_all_running(stopped=last)
    return done


@contextmanager
def _entered(runner: asyncio.Runner, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Enter an asynchronous context on this runner, and leave it there."""
    value = runner.run(context.__aenter__())
    try:
        yield value
    finally:
        runner.run(context.__aexit__(None, None, None))
