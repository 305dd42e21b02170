"""Workers that die by SIGKILL, each at one moment of one step, before anybody hears of it.

They are forked from this program, which has imported everything: one costs little, and any number may run.
It reads a `Death` from each line of stdin, and prints one on stdout when that worker is dead.
"""

import asyncio
import os
import select
import signal
from collections.abc import Callable
from typing import Any, Literal
from unittest.mock import patch

from pydantic import BaseModel, ConfigDict
from temporalio.client import Client

from orchestrator.database.connection import Connection
from orchestrator.process.ledger import Effect, Ledger, R
from orchestrator.process.messages import StepRun
from orchestrator.temporal.connection import connect
from settings import Settings
from stack.endpoints import find_endpoints
from worker import open_worker

Moment = Literal["before the effect", "before the commit", "after the commit"]


class Death(BaseModel):
    """A worker that dies once."""

    model_config = ConfigDict(frozen=True)

    task_queue: str
    """That it works on."""
    step: str
    """In the ledger: `roll_back: {step}` during the roll-back."""
    moment: Moment
    external: bool
    """Whether the step calls an external system: what it does there is the effect."""
    aborted_after: str | None = None
    """The step after whose commit the worker has the process aborted; `None` means never."""


class _Dying:
    """Stands in for the methods of the ledger."""

    def __init__(self, client: Client, death: Death) -> None:
        self._client = client
        self._death = death

    def commit(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def commit(ledger: Ledger, run: StepRun, kind: type[R], effect: Effect[R]) -> R:
            async def effect_and_die(connection: Connection) -> R:
                done = await effect(connection)
                self._die(run, "before the commit")
                return done

            if not self._death.external:
                self._die(run, "before the effect")
            result: R = await original(ledger, run, kind, effect_and_die)
            self._die(run, "after the commit")
            if run.step == self._death.aborted_after:
                await self._client.get_workflow_handle(run.process.process_id).cancel()
            return result

        return commit

    def call(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def call(ledger: Ledger, run: StepRun, *kinds: Any) -> Any:
            self._die(run, "before the effect")
            return await original(ledger, run, *kinds)

        return call

    def _die(self, run: StepRun, moment: Moment) -> None:
        if (run.step, moment) == (self._death.step, self._death.moment):
            os.kill(os.getpid(), signal.SIGKILL)


async def work_until_death(death: Death) -> None:
    """Run the worker."""
    endpoints = find_endpoints(Settings.from_environment())
    client = await connect(endpoints.temporal)
    dying = _Dying(client, death)
    with (
        patch.object(Ledger, "commit", dying.commit(Ledger.commit)),
        patch.object(Ledger, "call", dying.call(Ledger.call)),
    ):
        async with open_worker(client, endpoints, task_queue=death.task_queue) as worker:
            await worker.run()


def main() -> None:
    """Fork a worker for each line, until there are no more lines and no more workers."""
    alive: dict[int, Death] = {}
    read, reading = b"", True
    while reading or alive:
        if reading and select.select([0], [], [], 0.05)[0]:
            new = os.read(0, 65536)  # not through a buffer: `select` sees only what is still in the pipe
            *lines, read = (read + new).split(b"\n")
            reading = bool(new)
            if not reading:  # nobody listens any more: whoever has not died never will
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
    pid = os.fork()  # before the SDK is used for the first time: it has no threads yet
    if pid == 0:
        asyncio.run(work_until_death(death))
        os._exit(1)  # it should have died
    return pid


if __name__ == "__main__":
    main()
