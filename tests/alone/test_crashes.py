"""A worker that dies at any moment of any step: another goes on, and the audit finds nothing amiss."""

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

from catalogue import CatalogueEntry
from orchestrator.database.connection import Pool
from orchestrator.domain.process import ProcessStatus, Target
from orchestrator.process.frame import ProcessFrame
from services.fake_group_management import FakeGroupManagement
from services.fake_user_management import FakeUserManagement
from settings import ROOT, Endpoints
from tests.dying_workers import Death, Moment
from tests.endpoints import variables
from tests.lifecycles import EVERY, Lifecycle
from tests.processes import Processes
from trials.audit import audit
from trials.journal import Journal
from trials.records import read_records
from worker import open_worker

AT_ONCE = 16
"""So many workers die and are taken over from at the same time: each is waited for, for seconds."""

TASK_TIMEOUT = timedelta(seconds=5)
"""After which Temporal gives the task of a worker that died to another; by default 10 seconds."""


@dataclass(frozen=True)
class Crash:
    """A worker that dies while it runs a process of this workflow."""

    entry: CatalogueEntry
    target: Target
    step: str
    moment: Moment
    external: bool
    aborted_after: str | None = None

    @property
    def ends(self) -> ProcessStatus:
        return ProcessStatus.COMPLETED if self.aborted_after is None else ProcessStatus.ABORTED


def crashes_of(entry: CatalogueEntry, target: Target, definition: type[ProcessFrame]) -> Iterator[Crash]:
    """Give every moment of every step, and of every step of the roll-back."""
    for moment in get_args(Moment):
        for step in definition.sequence:
            yield Crash(entry, target, step.name, moment, step.external)
        # Aborted as late as it can be: there is most to undo then.
        names = [step.name for step in definition.sequence]
        pivot = names.index(definition.no_way_back) if definition.no_way_back else len(names) - 1
        for step in definition.roll_back:
            key = f"roll_back: {step.name}"
            yield Crash(entry, target, key, moment, step.external, aborted_after=names[pivot - 1])


def every_crash() -> list[Crash]:
    definitions = [(entry, target, entry.workflow(target)) for entry, target in EVERY]
    return [
        crash
        for entry, target, definition in definitions
        if definition is not None
        for crash in crashes_of(entry, target, definition)
    ]


class DyingWorkers:
    """The program that forks them."""

    def __init__(self, program: asyncio.subprocess.Process) -> None:
        self._program = program
        self._dead: dict[Death, asyncio.Event] = {}

    async def until_dead(self, death: Death) -> None:
        """Let a worker run until it dies, as it must."""
        self._dead[death] = asyncio.Event()
        assert self._program.stdin is not None
        self._program.stdin.write(death.model_dump_json().encode() + b"\n")
        async with asyncio.timeout(120):
            await self._dead[death].wait()

    async def listen(self) -> None:
        """Hear who has died."""
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
    """Where workers die: a queue on which what each process needs is made, and one for each process."""

    def __init__(self, client: Client, endpoints: Endpoints, pool: Pool, journal: Journal) -> None:
        config: Any = client.config()
        self._client = Client(**config | {"interceptors": [*config["interceptors"], journal.interceptor()]})
        self._endpoints = endpoints
        self._pool = pool
        self.prefix = f"crashes-{uuid4()}-"
        self.healthy = f"{self.prefix}healthy"

    async def die_and_go_on(self, crash: Crash, workers: DyingWorkers) -> tuple[Crash, ProcessStatus]:
        """Let a worker die there, and another go on; return how the process has ended."""
        queue = f"{self.prefix}{uuid4()}"
        prepared = Lifecycle(Processes(self._client, self.healthy, self._pool), crash.entry, crash.target)
        process_id, _, fields = await prepared.prepare()
        death = Death(
            task_queue=queue,
            step=crash.step,
            moment=crash.moment,
            external=crash.external,
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
    """Lets workers die, and audits what became of all processes."""

    def __init__(
        self,
        client: Client,
        endpoints: Endpoints,
        pool: Pool,
        groups: FakeGroupManagement,
        users: FakeUserManagement,
        tmp_path: Path,
    ) -> None:
        self._client, self._endpoints, self._pool = client, endpoints, pool
        self._systems = [groups.system, users.system]
        self._path = tmp_path / "journal.jsonl"

    async def of(self, crashes: list[Crash]) -> None:
        """Say that each process ends as it must, and that the audit finds nothing."""
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
    groups: FakeGroupManagement,
    users: FakeUserManagement,
    tmp_path: Path,
) -> Survival:
    return Survival(client, endpoints, pool, groups, users, tmp_path)


async def test_a_worker_that_dies_after_a_commit_is_taken_over_from(survival: Survival) -> None:
    # A local step at the beginning, a regular one, a local one at the end; `make crashes` has them all.
    steps = {"create_subscription", "provision_user_group", "resync"}
    crashes = [
        crash
        for crash in every_crash()
        if (crash.entry.command, crash.target) == ("user-group", Target.CREATE)
        and crash.moment == "after the commit"
        and crash.step in steps
    ]
    assert len(crashes) == len(steps)
    await survival.of(crashes)


@pytest.mark.exhaustive
async def test_a_worker_may_die_at_every_moment_of_every_step_of_every_workflow(
    survival: Survival, capsys: pytest.CaptureFixture[str]
) -> None:
    crashes = every_crash()
    await survival.of(crashes)
    with capsys.disabled():
        print(f"\n{len(crashes)} workers died, and nothing was lost, doubled or orphaned")  # noqa: T201
