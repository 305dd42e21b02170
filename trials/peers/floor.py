"""The floor: an empty Temporal workflow; `worker` and `client` are its two programs."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from uuid import uuid4

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

from program import run_program

TASK_QUEUE = "empty"


@workflow.defn
class Empty:
    """Does nothing."""

    @workflow.run
    async def run(self) -> None:
        """Do nothing."""


async def work() -> None:
    """Run a worker until it is told to stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    client = await Client.connect(os.environ["PEER_TEMPORAL_ADDRESS"])
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[Empty]):
        Path(os.environ["PEER_READY"]).touch()
        await stop.wait()


async def put_load() -> None:
    """Run empty workflows on request."""
    from trials.peers.load import serve  # noqa: PLC0415  # outside the workflow sandbox

    client = await Client.connect(os.environ["PEER_TEMPORAL_ADDRESS"])

    async def create() -> None:
        await client.execute_workflow(Empty.run, id=f"empty-{uuid4()}", task_queue=TASK_QUEUE)

    await serve(create)


if __name__ == "__main__":
    run_program(lambda: asyncio.run(work() if sys.argv[1] == "worker" else put_load()))
