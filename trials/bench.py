"""`make bench`: measure the latency, throughput and CPU of a create, on new embedded stacks."""

import asyncio
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from random import Random
from uuid import uuid4

import click
import psutil
from pydantic import BaseModel
from rich.table import Table
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, GetSystemInfoRequest
from temporalio.client import Client, WorkflowFailureError

from cli import output
from cli.json_output import print_json
from orchestrator.database.connection import Pool, open_pool
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.temporal.connection import connect
from orchestrator.temporal.plugin import TASK_QUEUE
from program import run_program
from settings import ConfigurationError, require_nothing_configured
from stack.addresses import Addresses
from stack.embedded import embedded_stack
from stack.errors import StackFailed
from trials.workload import simplest_create

PATIENCE = 60.0
"""Seconds to wait for a create to complete, and for every worker to poll."""


class BenchFailed(Exception):
    """The figures would mean nothing; the message says why."""


class Load(BaseModel):
    """The work of each stack: sequential creates for the latency, then concurrent ones for the throughput."""

    sequential: int
    creates: int
    concurrency: int


FULL = Load(sequential=50, creates=200, concurrency=20)
QUICK = Load(sequential=5, creates=30, concurrency=10)


class StackFigures(BaseModel):
    """The figures of one stack."""

    workers: int
    temporal_server: str
    postgresql: str
    latency_median_ms: float
    latency_p95_ms: float
    creates_per_second: float
    cpu_ms_per_create: dict[str, float]
    """By process, named as in `Addresses.pids`; `client` is this process, which also supervises the stack."""


class Figures(BaseModel):
    """All figures, and the machine and versions that they belong to."""

    cores: int | None
    load_average: tuple[float, float, float]
    """Load average over 1, 5 and 15 minutes, before the run."""
    python: str
    temporalio: str
    load: Load
    stacks: list[StackFigures]


class Bench:
    """Measures one running stack."""

    def __init__(self, client: Client, pool: Pool, pids: dict[str, int]) -> None:
        self._client = client
        self._pool = pool
        self._pids = pids
        self._workers = {pid for name, pid in pids.items() if name.startswith("worker")}
        create = simplest_create(Random(0))  # the same in every run: its figures are compared
        self._workflow, self._form = create.workflow, create.form
        self._created = 0

    async def measure(self, load: Load) -> StackFigures:
        """Measure the latency of an idle stack, then the throughput and CPU of a busy one.

        Raises:
            BenchFailed: when a create fails, or PostgreSQL does not have one active subscription per create.
        """
        await self._wait_for_workers()
        await self._create_many(5, 1)  # warm up imports, connections and caches
        latencies = await self._create_many(load.sequential, 1)
        # Warm up again: every worker opens as many connections as this concurrency needs.
        await self._create_many(load.concurrency * len(self._workers), load.concurrency)
        cpu, began = self._cpu_seconds(), time.perf_counter()
        await self._create_many(load.creates, load.concurrency)
        seconds, cpu_after = time.perf_counter() - began, self._cpu_seconds()
        active = await self._pool.fetchval("SELECT count(*) FROM subscriptions WHERE status = 'active'")
        if active != self._created:
            raise BenchFailed(f"{self._created} creates succeeded, but {active} subscriptions are active")
        system = await self._client.workflow_service.get_system_info(GetSystemInfoRequest())
        return StackFigures(
            workers=len(self._workers),
            temporal_server=system.server_version,
            postgresql=await self._pool.fetchval("SHOW server_version"),
            latency_median_ms=statistics.median(latencies) * 1000,
            latency_p95_ms=statistics.quantiles(latencies, n=20, method="inclusive")[-1] * 1000,
            creates_per_second=load.creates / seconds,
            cpu_ms_per_create={name: (cpu_after[name] - cpu[name]) * 1000 / load.creates for name in cpu},
        )

    async def _wait_for_workers(self) -> None:
        # The stack waits only for its first worker.
        give_up = time.monotonic() + PATIENCE
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=TASK_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        while True:
            answer = await self._client.workflow_service.describe_task_queue(request)
            if self._workers <= {int(poller.identity.partition("@")[0]) for poller in answer.pollers}:
                return
            if time.monotonic() > give_up:
                raise BenchFailed(f"Not every worker polls the task queue after {PATIENCE:.0f} s")
            await asyncio.sleep(0.05)

    async def _create_many(self, creates: int, concurrency: int) -> list[float]:
        # Returns the seconds that each create took, without the wait for its turn.
        places = asyncio.Semaphore(concurrency)
        return await asyncio.gather(*(self._create(places) for _ in range(creates)))

    async def _create(self, places: asyncio.Semaphore) -> float:
        process_id = f"{self._workflow}-{uuid4()}"
        try:
            async with places, asyncio.timeout(PATIENCE):
                began = time.perf_counter()
                await self._client.execute_workflow(
                    self._workflow,
                    self._form,
                    id=process_id,
                    task_queue=TASK_QUEUE,
                    static_summary=self._form.title,
                    result_type=SubscriptionModel,
                )
                self._created += 1
                return time.perf_counter() - began
        except WorkflowFailureError as error:
            raise BenchFailed(f"{process_id} failed: {error.cause}") from error
        except TimeoutError as error:
            raise BenchFailed(f"{process_id} has no result after {PATIENCE:.0f} s") from error

    def _cpu_seconds(self) -> dict[str, float]:
        return {name: _cpu_seconds(pid) for name, pid in self._pids.items()} | {"client": time.process_time()}


def _cpu_seconds(pid: int) -> float:
    # A parent counts the children that have ended, so read it after its children.
    process, seconds = psutil.Process(pid), 0.0
    for one in (*process.children(recursive=True), process):
        with suppress(psutil.NoSuchProcess):
            seconds += sum(one.cpu_times()[:4])  # user and system time, of itself and of its ended children
    return seconds


def measure_fresh_stack(workers: int, load: Load) -> StackFigures:
    """Measure a new stack: no earlier measurement has left data or warm caches in it."""
    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    output.say(f"Measuring with {workers} worker(s), in {directory}")

    async def measure(addresses: Addresses) -> StackFigures:
        client = await connect({"target_host": addresses.temporal_address})
        async with await open_pool(addresses.database_url, size=1) as pool:
            return await Bench(client, pool, addresses.pids).measure(load)

    with embedded_stack(directory, workers=workers) as addresses:
        figures = asyncio.run(measure(addresses))
        if Addresses.read(directory) != addresses:
            raise BenchFailed(
                f"A part of the stack was restarted during the measurement: see the logs in {directory}"
            )
    shutil.rmtree(directory)  # kept after a failure, for its logs
    return figures


def print_figures(figures: Figures) -> None:
    """Print the figures as a table."""
    load, stacks = figures.load, figures.stacks
    click.echo(
        f"{figures.cores} cores, load average before the run {figures.load_average[0]:.2f}\n"
        f"Python {figures.python}, temporalio {figures.temporalio}, "
        f"Temporal server {stacks[0].temporal_server}, PostgreSQL {stacks[0].postgresql}\n"
    )
    table = Table("", *(f"{one.workers} worker(s)" for one in stacks), box=None, header_style="dim")
    table.add_row(
        f"median of {load.sequential} sequential creates, ms",
        *(f"{one.latency_median_ms:.0f}" for one in stacks),
    )
    table.add_row("95th percentile of these, ms", *(f"{one.latency_p95_ms:.0f}" for one in stacks))
    table.add_row(
        f"creates per second: {load.creates}, {load.concurrency} at a time",
        *(f"{one.creates_per_second:.1f}" for one in stacks),
    )
    cpu = [one.cpu_ms_per_create | {"total": sum(one.cpu_ms_per_create.values())} for one in stacks]
    for name in cpu[-1]:
        table.add_row(
            f"CPU ms per create: {name}", *(f"{one[name]:.1f}" if name in one else "" for one in cpu)
        )
    output.stdout.print(table)


@click.command()
@click.option(
    "--sequential",
    type=click.IntRange(2),
    help=f"Sequential creates, for the latency.  [default: {FULL.sequential}]",
)
@click.option(
    "--creates",
    type=click.IntRange(1),
    help=f"Concurrent creates, for the throughput.  [default: {FULL.creates}]",
)
@click.option(
    "--concurrency", type=click.IntRange(1, 200), help=f"Creates at a time.  [default: {FULL.concurrency}]"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")
@click.option("--quick", is_flag=True, help="Use small numbers, for CI, unless you give them.")
def main(*, as_json: bool, quick: bool, **numbers: int | None) -> None:
    """Measure the latency, throughput and CPU of a create, on new embedded stacks."""
    given = {name: number for name, number in numbers.items() if number is not None}
    load, load_average = Load(**(dict(QUICK if quick else FULL) | given)), os.getloadavg()
    try:
        require_nothing_configured()
        stacks = [measure_fresh_stack(workers, load) for workers in (1, 2)]
    except (BenchFailed, ConfigurationError, StackFailed, psutil.Error) as error:
        output.complain(str(error))
        sys.exit(1)
    figures = Figures(
        cores=os.cpu_count(),
        load_average=load_average,
        python=platform.python_version(),
        temporalio=version("temporalio"),
        load=load,
        stacks=stacks,
    )
    (print_json if as_json else print_figures)(figures)


if __name__ == "__main__":
    run_program(main, stop_like_ctrl_c=True)
