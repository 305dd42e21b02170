"""The worker of the floors: a plain one, with the defaults of the SDK."""

import asyncio
import signal
import sys

from temporalio.client import Client
from temporalio.worker import Worker

from program import run_program
from trials.bench import floors

TASK_QUEUE = "bench-floors"


async def run(address: str) -> None:
    """Run the worker until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    client = await Client.connect(address)
    async with Worker(
        client, task_queue=TASK_QUEUE, workflows=floors.WORKFLOWS, activities=[floors.do_nothing]
    ):
        await stop.wait()


def main() -> None:
    """Run the worker on the Temporal whose address is the first argument."""
    asyncio.run(run(sys.argv[1]))


if __name__ == "__main__":
    run_program(main)
