"""Background tasks of a worker, which run for as long as the worker does."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import timedelta
from typing import Any, NoReturn

from temporalio.worker import Worker

PAUSE = timedelta(minutes=1)
"""Pause before a task that has ended starts again."""

log = logging.getLogger("worker")


async def keep_running(
    name: str, work: Callable[[], Awaitable[None]], *, pause: timedelta = PAUSE
) -> NoReturn:
    """Run the work for ever: when it ends or fails, log that, and start it again after a pause."""
    while True:
        try:
            await work()
            log.error("%s has ended; it starts again in %s", name, pause)
        except Exception:
            log.exception("%s has failed; it starts again in %s", name, pause)
        await asyncio.sleep(pause.total_seconds())


async def run_with(
    background: Iterable[Callable[[], Coroutine[Any, Any, NoReturn]]], worker: Worker, stop: asyncio.Event
) -> None:
    """Run a worker with its background tasks until it is told to stop; let it finish what it has begun."""
    running, beside = asyncio.create_task(worker.run()), [asyncio.create_task(one()) for one in background]
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    for one in beside:
        one.cancel()
    if not running.done():
        await worker.shutdown()
    await running
