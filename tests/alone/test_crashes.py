"""A worker dies at any moment of any step: another one goes on, and the audit finds nothing."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import pytest
from temporalio.client import Client

from catalogue import CatalogueEntry, definition_of
from orchestrator.database.connection import Pool
from orchestrator.domain.process import ProcessStatus, Target
from orchestrator.process.frame import ProcessFrame
from orchestrator.process.ledger import Moment
from services.fake_system import FakeSystem
from settings import ROOT, Endpoints
from tests.dying_workers import Death
from tests.endpoints import variables
from tests.lifecycles import EVERY, Lifecycle
from tests.processes import Processes
from trials.audit import audit
from trials.journal import Journal
from trials.records import read_records
from worker import open_worker

AT_ONCE = 16
"""Number of workers that die at the same time: Temporal notices each death only after seconds."""

TASK_TIMEOUT = timedelta(seconds=5)
"""Time before Temporal gives the task of a dead worker to another one; the default is 10 seconds."""


@dataclass(frozen=True)
class Crash:
    """A crash of a worker while it runs a process of this workflow."""

    entry: CatalogueEntry
    target: Target
    step: str
    moment: Moment
    aborted_after: str | None = None

    @property
    def ends(self) -> ProcessStatus:
        return ProcessStatus.COMPLETED if self.aborted_after is None else ProcessStatus.ABORTED


def crashes_of(entry: CatalogueEntry, target: Target, definition: type[ProcessFrame]) -> Iterator[Crash]:
    """Yield a crash at every moment of every step, and of every step of the roll-back."""
    for moment in get_args(Moment):
        for step in definition.sequence:
            yield Crash(entry, target, step.key, moment)
        # Abort as late as possible: then there is most to undo.
        keys = [step.key for step in definition.sequence]
        pivot = keys.index(definition.pivot.key) if definition.pivot else len(keys) - 1
        for step in definition.roll_back:
            key = f"roll_back: {step.key}"
            yield Crash(entry, target, key, moment, aborted_after=keys[pivot - 1])


def every_crash() -> list[Crash]:
    return [
        crash for entry, target in EVERY for crash in crashes_of(entry, target, definition_of(entry, target))
    ]


class DyingWorkers:
    """The program that forks the workers."""

    def __init__(self, program: asyncio.subprocess.Process) -> None:
        self._program = program
        self._dead: dict[Death, asyncio.Event] = {}

    async def until_dead(self, death: Death) -> None:
        """Run a worker until it dies."""
        self._dead[death] = asyncio.Event()
        assert self._program.stdin is not None
        self._program.stdin.write(death.model_dump_json().encode() + b"\n")
        async with asyncio.timeout(120):
            await self._dead[death].wait()

    async def listen(self) -> None:
        """Read which workers have died."""
        assert self._program.stdout is not None
        async for line in self._program.stdout:
            self._dead[Death.model_validate_json(line)].set()


@asynccontextmanager
async def dying_workers(endpoints: Endpoints) -> AsyncIterator[DyingWorkers]:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.dying_workers"),
        cwd=ROOT,
        env=os.environ | variables(endpoints),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    workers = DyingWorkers(program)
    listening = asyncio.create_task(workers.listen())
    try:
        yield workers
    finally:
        assert program.stdin is not None
        program.stdin.close()
        listening.cancel()
        await program.wait()


class Scene:
    """A healthy task queue that creates what each process needs, and one queue per process that dies."""

    def __init__(self, client: Client, endpoints: Endpoints, pool: Pool, journal: Journal) -> None:
        config: Any = client.config()
        self._client = Client(**config | {"interceptors": [*config["interceptors"], journal.interceptor()]})
        self._endpoints = endpoints
        self._pool = pool
        self.prefix = f"crashes-{uuid4()}-"
        self.healthy = f"{self.prefix}healthy"

    async def die_and_go_on(self, crash: Crash, workers: DyingWorkers) -> tuple[Crash, ProcessStatus]:
        """Kill a worker there, continue with another one, and return the end of the process."""
        queue = f"{self.prefix}{uuid4()}"
        prepared = Lifecycle(Processes(self._client, self.healthy, self._pool), crash.entry, crash.target)
        process_id, _, fields = await prepared.prepare()
        death = Death(
            task_queue=queue,
            step=crash.step,
            moment=crash.moment,
            aborted_after=crash.aborted_after,
        )
        processes = Processes(self._client, queue, self._pool)
        handle = await self._client.start_workflow(
            prepared.workflow, fields, id=process_id, task_queue=queue, task_timeout=TASK_TIMEOUT
        )
        await workers.until_dead(death)
        async with open_worker(self._client, self._endpoints, task_queue=queue) as worker, worker:
            await processes.until_closed(handle)
        row = await processes.row(handle)
        assert row is not None
        return crash, row.status


class Survival:
    """Lets workers die, and audits all processes."""

    def __init__(
        self,
        client: Client,
        endpoints: Endpoints,
        pool: Pool,
        systems: list[FakeSystem],
        tmp_path: Path,
    ) -> None:
        self._client, self._endpoints, self._pool = client, endpoints, pool
        self._systems = systems
        self._path = tmp_path / "journal.jsonl"

    async def of(self, crashes: list[Crash]) -> None:
        """Check that each process ends as it must, and that the audit finds nothing."""
        with Journal(self._path) as journal:
            scene = Scene(self._client, self._endpoints, self._pool, journal)
            ended = await self._die(crashes, scene)
            query = f"TaskQueue STARTS_WITH '{scene.prefix}'"
            records = await read_records(journal, self._client, query, self._pool, self._systems)
        assert [(crash, status) for crash, status in ended if status is not crash.ends] == []
        assert len(records.accepted) >= len(crashes)
        assert audit(records).findings == []

    async def _die(self, crashes: list[Crash], scene: Scene) -> list[tuple[Crash, ProcessStatus]]:
        places = asyncio.Semaphore(AT_ONCE)

        async def one(crash: Crash, workers: DyingWorkers) -> tuple[Crash, ProcessStatus]:
            async with places:
                return await scene.die_and_go_on(crash, workers)

        healthy = open_worker(self._client, self._endpoints, task_queue=scene.healthy)
        async with healthy as worker, worker, dying_workers(self._endpoints) as workers:
            return await asyncio.gather(*(one(crash, workers) for crash in crashes))


@pytest.fixture
def survival(
    client: Client,
    endpoints: Endpoints,
    pool: Pool,
    systems: list[FakeSystem],
    tmp_path: Path,
) -> Survival:
    return Survival(client, endpoints, pool, systems, tmp_path)


async def test_a_worker_that_dies_after_a_commit_is_taken_over_from(survival: Survival) -> None:
    # The first step is local, the external one regular, the last local; `make crashes` tries all steps.
    entry, target = EVERY[0]
    sequence = definition_of(entry, target).sequence
    external = next(step for step in sequence if step.external)
    steps = {step.key for step in (sequence[0], external, sequence[-1])}
    crashes = [
        crash
        for crash in crashes_of(entry, target, definition_of(entry, target))
        if crash.step in steps and crash.moment == "after the commit" and crash.aborted_after is None
    ]
    assert len(crashes) == len(steps)
    await survival.of(crashes)


@pytest.mark.exhaustive
async def test_a_worker_may_die_at_every_moment_of_every_step(
    survival: Survival, capsys: pytest.CaptureFixture[str]
) -> None:
    crashes = every_crash()
    await survival.of(crashes)
    with capsys.disabled():
        print(f"\n{len(crashes)} workers died, and nothing was lost, doubled or orphaned")  # noqa: T201
