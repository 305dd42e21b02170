"""Background tasks of a worker, which run for as long as the worker does."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NoReturn

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
