"""`make soak`: start creates as fast as a client can while workers are killed; plot rate and memory."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from uuid import uuid4

import click
import plotext
import psutil
from pydantic import BaseModel
from rich.table import Table
from temporalio.client import Client
from temporalio.service import RPCError

from cli import output
from cli.json_output import print_json
from orchestrator.database.connection import Pool, open_pool
from orchestrator.temporal.connection import connect
from orchestrator.temporal.task_queue import TASK_QUEUE
from program import run_program
from settings import ConfigurationError, require_nothing_configured
from stack.addresses import Addresses
from stack.embedded import embedded_stack
from stack.errors import StackFailed
from trials.audit import Report, audit
from trials.journal import Accepted, Journal
from trials.records import read_records
from trials.systems import open_fake_systems
from trials.workload import simplest_create

STARTERS = 20
"""Number of starts that wait for their answer at the same time."""
SAMPLE = 2.0
"""Seconds between two samples."""
PATIENCE = 300.0
"""Seconds without progress after which the open processes are left to the audit."""

WIDTH, HEIGHT = 100, 14
MARKERS = ("•", "×", "○")
"""Markers that tell the lines of a plot apart: it has no colours."""


class Sample(BaseModel):
    """The state of the run at one moment."""

    at: float
    """Seconds after the start of the run."""
    started: int
    ended: int
    memory: dict[str, float]
    """Resident memory by process, with its children, in MiB."""

    @property
    def backlog(self) -> int:
        """Number of processes that were accepted and have not ended."""
        return self.started - self.ended


class Soak(BaseModel):
    """A run: its samples, and the result of its audit."""

    creates: int
    kills: int
    seconds_of_starting: float
    """Seconds that the client needed to start all processes."""
    seconds: float
    """Seconds until the last process had ended."""
    samples: list[Sample]
    report: Report


class Soaking:
    """Starts creates, kills a worker now and then, and takes samples."""

    def __init__(
        self, client: Client, pool: Pool, directory: Path, journal: Journal, kill_every: float
    ) -> None:
        self._kill_every = kill_every
        self._client = client
        self._pool = pool
        self._directory = directory
        self._journal = journal
        self._create = simplest_create(Random(0))  # the same in every soak: its figures are compared
        self._began = time.monotonic()
        self.samples: list[Sample] = []
        self.kills = 0

    async def run(self, creates: int) -> float:
        """Start creates, and wait until they have ended; return the seconds that starting took."""
        looking = asyncio.create_task(self._look())
        killing = asyncio.create_task(self._kill())
        places = asyncio.Semaphore(STARTERS)
        await asyncio.gather(*(self._start(places) for _ in range(creates)))
        starting = time.monotonic() - self._began
        await self._until_ended(creates)
        killing.cancel()
        looking.cancel()
        self.samples.append(await self._sample())
        return starting

    async def _start(self, places: asyncio.Semaphore) -> None:
        create = self._create
        process_id = f"{create.workflow}-{uuid4()}"
        async with places:
            await self._client.start_workflow(
                create.workflow, create.fields, id=process_id, task_queue=TASK_QUEUE
            )
        self._journal.accept(Accepted(process_id=process_id, workflow=create.workflow, fields=create.fields))

    async def _kill(self) -> None:
        while True:
            await asyncio.sleep(self._kill_every)
            found = Addresses.read(self._directory)
            assert found is not None
            # Never kill the first worker: the samples show how its memory grows.
            with suppress(ProcessLookupError, KeyError):
                os.kill(found.pids["worker-2"], signal.SIGKILL)
                self.kills += 1

    async def _look(self) -> None:
        while True:
            with suppress(RPCError, OSError):
                self.samples.append(await self._sample())
            await asyncio.sleep(SAMPLE)

    async def _sample(self) -> Sample:
        found = Addresses.read(self._directory)
        assert found is not None
        return Sample(
            at=time.monotonic() - self._began,
            started=len(self._journal),
            ended=await self._pool.fetchval("SELECT count(*) FROM processes WHERE ended_at IS NOT NULL"),
            memory={name: _memory(pid) for name, pid in found.pids.items()},
        )

    async def _until_ended(self, creates: int) -> None:
        best, at = -1, time.monotonic()
        while (ended := (await self._sample()).ended) < creates:
            if ended > best:
                best, at = ended, time.monotonic()
            if time.monotonic() - at > PATIENCE:
                return  # the audit reports which are open
            await asyncio.sleep(SAMPLE)


def _memory(pid: int) -> float:
    """Return the resident memory of a process and its children, in MiB; 0 while it is restarted."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return float(sum(one.memory_info().rss for one in (process, *process.children()))) / 2**20
    return 0.0


async def soak(addresses: Addresses, directory: Path, creates: int, kill_every: float) -> Soak:
    """Run the soak on a running stack, and audit it."""
    client = await connect({"target_host": addresses.temporal_address})
    async with await open_pool(addresses.database_url, size=2) as pool:
        with Journal(directory / "journal.jsonl") as journal:
            began = time.monotonic()
            soaking = Soaking(client, pool, directory, journal, kill_every)
            starting = await soaking.run(creates)
            seconds = time.monotonic() - began
            output.say("Auditing")
            report = await _audit(client, pool, addresses, journal)
    return Soak(
        creates=creates,
        kills=soaking.kills,
        seconds_of_starting=starting,
        seconds=seconds,
        samples=soaking.samples,
        report=report,
    )


async def _audit(client: Client, pool: Pool, addresses: Addresses, journal: Journal) -> Report:
    async with open_fake_systems(addresses.database_url) as systems:
        query = f"TaskQueue = '{TASK_QUEUE}'"
        return audit(await read_records(journal, client, query, pool, systems))


def print_soak(soaked: Soak) -> None:
    """Print the figures as a table, and the plots."""
    samples, report = soaked.samples, soaked.report
    table = Table("", "", box=None, show_header=False)
    table.add_row("creates", str(soaked.creates))
    table.add_row("started per second", f"{soaked.creates / soaked.seconds_of_starting:.0f}")
    table.add_row("ended per second, on average", f"{soaked.creates / soaked.seconds:.1f}")
    table.add_row("largest backlog", str(max(one.backlog for one in samples)))
    table.add_row("killed workers", str(soaked.kills))
    table.add_row("retries observed", str(report.retries))
    table.add_row("findings of the audit", str(len(report.findings)))
    for name in ("worker", "temporal"):
        table.add_row(f"memory of {name}, MiB, at each tenth of the creates", memory_by_tenths(soaked, name))
    output.stdout.print(table)
    for title, lines in plots(samples).items():
        click.echo(draw(title, [one.at for one in samples], lines))


def memory_by_tenths(soaked: Soak, name: str) -> str:
    """Return the memory of a process when each tenth of the creates had ended."""
    marks = [soaked.creates * tenth / 10 for tenth in range(1, 11)]
    at = [next((one for one in soaked.samples if one.ended >= mark), None) for mark in marks]
    return " ".join("-" if one is None else f"{one.memory.get(name, 0):.0f}" for one in at)


def plots(samples: Sequence[Sample]) -> dict[str, dict[str, list[float]]]:
    """Return the lines of each plot by name, by the title of the plot."""

    def line(value: Callable[[Sample], float]) -> list[float]:
        return [value(one) for one in samples]

    before = [samples[max(number - 5, 0)] for number in range(len(samples))]
    rate = [
        (now.ended - then.ended) / max(now.at - then.at, SAMPLE)
        for now, then in zip(samples, before, strict=True)
    ]
    return {
        "creates ended per second, of the last 10 seconds": {"": rate},
        "backlog: accepted, not ended": {"": line(lambda one: one.backlog)},
        "memory, MiB": {
            name: line(lambda one, name=name: one.memory.get(name, 0.0))  # type: ignore[misc]
            for name in ("worker", "worker-2", "temporal")
        },
    }


def draw(title: str, seconds: list[float], lines: dict[str, list[float]]) -> str:
    """Return a plot as text."""
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(WIDTH, HEIGHT)
    plotext.title(title)
    plotext.xlabel("seconds")
    plotext.ylim(0, max(max(values) for values in lines.values()) * 1.05 or 1)
    for marker, (name, values) in zip(MARKERS, lines.items(), strict=False):
        plotext.plot(seconds, values, label=name or None, marker=marker)
    return str(plotext.uncolorize(plotext.build()))


@click.command()
@click.option(
    "--creates", type=click.IntRange(100), default=10_000, show_default=True, help="Creates to start."
)
@click.option(
    "--kill-every", type=click.FloatRange(1), default=30, show_default=True, help="Seconds between two kills."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")
def main(*, creates: int, kill_every: float, as_json: bool) -> None:
    """Start creates as fast as the client can while workers are killed. Exit with 1 on any finding."""
    try:
        require_nothing_configured()
        directory = Path(tempfile.mkdtemp(prefix="soak-"))
        output.say(f"In {directory}")
        with embedded_stack(directory, workers=2) as addresses:
            soaked = asyncio.run(soak(addresses, directory, creates, kill_every))
    except (ConfigurationError, StackFailed) as error:
        output.complain(str(error))
        sys.exit(1)
    (print_json if as_json else print_soak)(soaked)
    if soaked.kills == 0:
        output.complain("No worker was killed: use a larger --creates or a smaller --kill-every")
        sys.exit(1)
    if soaked.report.findings:
        for finding in soaked.report.findings[:20]:
            output.say(str(finding))
        output.complain(f"{len(soaked.report.findings)} findings; data and logs are in {directory}")
        sys.exit(1)
    shutil.rmtree(directory)


if __name__ == "__main__":
    run_program(main, stop_like_ctrl_c=True)
