"""What is measured: floors, and the processes of a product."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeVar
from uuid import uuid4

from temporalio.client import Client, WorkflowFailureError

from catalogue import CatalogueEntry
from orchestrator.domain.process import Target
from orchestrator.process.starting import known_attributes
from orchestrator.temporal.task_queue import TASK_QUEUE
from trials.bench import floor_worker
from trials.bench.errors import BenchFailed
from trials.inputs import Inputs, Known
from trials.workload import Start, simplest_create

T = TypeVar("T")
Workers = Literal["ours", "floors", "none"]

ORDER = (Target.CREATE, Target.MODIFY, Target.VALIDATE, Target.TERMINATE)
"""The life of a subscription."""
PATIENCE = 60.0
"""Seconds before a process counts as failed."""


@dataclass(frozen=True)
class Subject:
    """Something that is measured."""

    name: str
    run: Callable[[], Awaitable[str | None]]
    """Runs one process to its end; returns its workflow id, `None` without Temporal."""
    workers: Workers
    """The processes that do the work; `none` means this process."""
    cheap: bool = False
    """Whether many can run in a second."""


def floor(client: Client, workflow: str, *, cheap: bool) -> Subject:
    """Return a floor: a workflow that does nothing."""

    async def run() -> str:
        workflow_id = f"{workflow}-{uuid4()}"
        await finished(
            client.execute_workflow(workflow, id=workflow_id, task_queue=floor_worker.TASK_QUEUE), workflow_id
        )
        return workflow_id

    return Subject(workflow.replace("_", " "), run, workers="floors", cheap=cheap)


class Lifecycles:
    """Runs the processes of a product: it creates, modifies, validates and terminates subscriptions."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inputs = Inputs(Random(0))
        # The same in every run: its figures are compared.
        self.first_create = simplest_create(Random(0))
        self._targets = [one for one in ORDER if self._entry.workflow(one)]
        self._waiting: dict[Target, deque[Known]] = {one: deque() for one in self._targets}
        self.active = 0
        """Number of subscriptions that are active."""

    @property
    def _entry(self) -> CatalogueEntry:
        return self.first_create.entry

    def subjects(self) -> list[Subject]:
        """Return a subject for each workflow of the product, in the order of a life."""
        return [self._subject(target) for target in self._targets]

    def _subject(self, target: Target) -> Subject:
        async def run() -> str:
            start = self._draw(target)
            process_id = f"{start.workflow}-{uuid4()}"
            form = start.form
            running = self._client.execute_workflow(
                start.workflow,
                form,
                id=process_id,
                task_queue=TASK_QUEUE,
                static_summary=form.title,
                search_attributes=known_attributes(form, process_id, target, self._entry.subscription),
            )
            await finished(running, process_id)
            self._completed(start, process_id)
            return process_id

        return Subject(target.value.lower(), run, workers="ours")

    def _draw(self, target: Target) -> Start:
        if target is Target.CREATE:
            return self.first_create
        if not self._waiting[target]:
            raise BenchFailed(f"There is no subscription left to {target.lower()}")
        about = self._waiting[target].popleft()
        return Start(self._entry, target, self._inputs.on(self._entry, target, about, {}))

    def _completed(self, start: Start, process_id: str) -> None:
        """Pass the subscription on to the next process of its life."""
        form, target = start.form, start.target
        self.active += {Target.CREATE: 1, Target.TERMINATE: -1}.get(target, 0)
        if following := self._targets[self._targets.index(target) + 1 :]:
            self._waiting[following[0]].append(Known(form.subscription(process_id), form.values()))


async def finished(running: Awaitable[T], process_id: str) -> T:
    """Return the result of a process.

    Raises:
        BenchFailed: when it fails or takes too long.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            return await running
    except WorkflowFailureError as error:
        raise BenchFailed(f"{process_id} failed: {error.cause}") from error
    except TimeoutError as error:
        raise BenchFailed(f"{process_id} has no result after {PATIENCE:.0f} s") from error
