"""Workers that die by SIGKILL, each at one moment of one step, before they report it.

This program forks them after it has imported everything, so a worker costs little and any number may run.
It reads a `Death` from each line of stdin, and prints it on stdout when that worker is dead.
"""

import asyncio
import os
import select
import signal

from pydantic import BaseModel, ConfigDict
from temporalio.client import Client

from orchestrator.process.ledger import Moment
from orchestrator.process.messages import StepRun
from orchestrator.temporal.connection import connect
from settings import Settings
from stack.endpoints import find_endpoints
from worker import open_worker


class Death(BaseModel):
    """The death of one worker."""

    model_config = ConfigDict(frozen=True)

    task_queue: str
    """Task queue of the worker."""
    step: str
    """Name of the step in the ledger: `roll_back: {step}` during the roll-back."""
    moment: Moment
    aborted_after: str | None = None
    """The step after whose commit the worker requests an abort; `None`: it never does."""


class _Dying:
    """Dies at one moment of one step; before that it may have the process aborted."""

    def __init__(self, client: Client, death: Death) -> None:
        self._client = client
        self._death = death

    async def __call__(self, run: StepRun, moment: Moment) -> None:
        if (run.step, moment) == (self._death.step, self._death.moment):
            os.kill(os.getpid(), signal.SIGKILL)
        if (run.step, moment) == (self._death.aborted_after, "after the commit"):
            await self._client.get_workflow_handle(run.process.process_id).cancel()


async def work_until_death(death: Death) -> None:
    """Run the worker."""
    endpoints = find_endpoints(Settings.from_environment())
    client = await connect(endpoints.temporal)
    dying = _Dying(client, death)
    async with open_worker(client, endpoints, task_queue=death.task_queue, at_moment=dying) as worker:
        await worker.run()


def main() -> None:
    """Fork a worker for each line, until stdin ends and all workers are dead."""
    alive: dict[int, Death] = {}
    read, reading = b"", True
    while reading or alive:
        if reading and select.select([0], [], [], 0.05)[0]:
            new = os.read(0, 65536)  # unbuffered: `select` sees only what is still in the pipe
            *lines, read = (read + new).split(b"\n")
            reading = bool(new)
            if not reading:  # stdin has ended: workers that are still alive will never die
                for pid in alive:
                    os.kill(pid, signal.SIGKILL)
            for line in lines:
                death = Death.model_validate_json(line)
                alive[_fork(death)] = death
        pid, status = os.waitpid(-1, os.WNOHANG) if alive else (0, 0)
        if pid:
            assert os.WTERMSIG(status) == signal.SIGKILL, status
            print(alive.pop(pid).model_dump_json(), flush=True)  # noqa: T201  # this is its answer


def _fork(death: Death) -> int:
    pid = os.fork()  # before the first use of the SDK, so there are no threads yet
    if pid == 0:
        asyncio.run(work_until_death(death))
        os._exit(1)  # it should have died
    return pid


if __name__ == "__main__":
    main()
