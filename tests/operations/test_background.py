"""A background task of a worker starts again whenever it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest

from orchestrator.operations.background import keep_running


@asynccontextmanager
async def kept_running(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    keeping = asyncio.create_task(keep_running("the clerk", work, pause=timedelta(0)))
    yield
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping


async def test_a_task_that_fails_is_logged_and_started_again(caplog: pytest.LogCaptureFixture) -> None:
    again, failures = asyncio.Event(), iter([ValueError("8 is not a valid status")])

    async def work() -> None:
        for failure in failures:
            raise failure
        again.set()
        await asyncio.Event().wait()

    async with kept_running(work), asyncio.timeout(10):
        await again.wait()
    assert "the clerk has failed; it starts again in 0:00:00" in caplog.text
    assert "ValueError: 8 is not a valid status" in caplog.text


async def test_a_task_that_ends_is_logged_and_started_again(caplog: pytest.LogCaptureFixture) -> None:
    twice = asyncio.Semaphore(0)

    async def work() -> None:
        twice.release()

    async with kept_running(work), asyncio.timeout(10):
        await twice.acquire()
        await twice.acquire()
    assert "the clerk has ended; it starts again in 0:00:00" in caplog.text
