"""A worker that dies by SIGKILL right after a step has committed, before anybody hears of it."""

import asyncio
import os
import signal
import sys
from unittest.mock import patch

from activities.inputs import StepRun
from activities.ledger import Effect, Ledger, R
from settings import Settings
from temporal.connection import connect
from worker import open_worker


async def run(task_queue: str, fatal_step: str) -> None:
    """Run a worker until that step has committed."""
    commit = Ledger.commit

    async def commit_and_die(ledger: Ledger, run: StepRun, kind: type[R], effect: Effect[R]) -> R:
        result = await commit(ledger, run, kind, effect)
        if run.step == fatal_step:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    settings = Settings.from_environment()
    client = await connect(settings.temporal)
    with patch.object(Ledger, "commit", commit_and_die):
        async with open_worker(client, settings, task_queue=task_queue) as worker:
            await worker.run()


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
