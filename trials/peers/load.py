"""The load that every client puts on its system, in whichever environment it runs.

Imports the standard library only: the clients of the other systems run in environments without this project.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

Create = Callable[[], Awaitable[None]]
"""Create one subscription, and return once it is active."""


async def serve(create: Create) -> None:
    """Answer each request on stdin with one line on stdout, until stdin ends."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        latencies, seconds = await put_load(create, request["seconds"], request["concurrency"])
        print(json.dumps({"latencies": latencies, "seconds": seconds}), flush=True)


async def put_load(create: Create, seconds: float, concurrency: int) -> tuple[list[float], float]:
    """Keep this many creates running for a time; finish those that have begun.

    Returns:
        the seconds that each create took, and the seconds until the last one had finished.
    """
    began = time.perf_counter()
    latencies: list[float] = []

    async def create_one_after_another() -> None:
        while (started := time.perf_counter()) < began + seconds:
            await create()
            latencies.append(time.perf_counter() - started)

    await asyncio.gather(*(create_one_after_another() for _ in range(concurrency)))
    return latencies, time.perf_counter() - began
