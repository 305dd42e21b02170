"""Follow a process until it ends or parks."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from temporalio.service import RPCError, RPCStatusCode

from cli.connections import Connections
from cli.documents import Outcome, ProcessDocument, subscription_document
from cli.process_documents import process_document, with_attempts
from orchestrator.database import subscriptions
from orchestrator.database.connection import NO_ANSWER
from orchestrator.domain.process import ProcessStatus
from orchestrator.temporal.history import History, LastError
from orchestrator.temporal.reading import HistoryReader

T = TypeVar("T")
OnChange = Callable[[ProcessDocument], None]

QUICK, SLOW = 0.05, 1.0
"""Seconds between two looks at an activity in progress: while it changes, and while it does not."""

CLOSES_WITHIN = 5.0
"""Seconds to wait for news of a process that the trail already shows as ended or parked."""


async def follow(
    connections: Connections, process_id: str, on_change: OnChange, *, parked_before: int = 0
) -> ProcessDocument:
    """Wait until the process ends or parks, and report every change.

    Args:
        parked_before: how often it had parked before; only a later parking ends the wait.

    Raises:
        ProcessNotFound: if there is no such process.
    """
    pause, seen, silent = QUICK, None, False
    async with _following(connections, process_id) as follower:
        while True:
            document = await follower.look(seen)
            if document != seen:
                on_change(document)
                pause, seen = QUICK, document
            parked = document.parked and document.times_parked > parked_before
            # The trail shows the end, or that it parks, a moment before the history has the last steps.
            if follower.over or silent or (parked and follower.history.at_rest):
                return document
            stopped = parked or document.ended_at is not None
            polls = follower.history.activity_in_progress and not stopped
            news = await follower.wait(pause if polls else CLOSES_WITHIN)
            pause, silent = min(pause * 1.5, SLOW), stopped and not news


class _Follower:
    """Looks at a process while its history is read in the background."""

    def __init__(self, connections: Connections, process_id: str) -> None:
        self._connections = connections
        self._process_id = process_id
        self._reader = HistoryReader(connections.service, process_id)
        self._trail_due = 0.0
        self.reading = asyncio.create_task(self._read_on())
        self.over = False
        """Whether all of the history has been read, or Temporal does not know the process."""

    @property
    def history(self) -> History:
        """What has been read of the history."""
        return self._reader.history

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait for news in the history; return whether there are some."""
        return bool((await asyncio.wait({self.reading}, timeout=seconds))[0])

    async def look(self, seen: ProcessDocument | None) -> ProcessDocument:
        """Return the document of the process; without news, only the attempts of its activity are read."""
        news, known = self.reading.done(), True
        if news:
            known = self.reading.result()
            self.over = self._reader.closed or not known
        if news and not self.over:
            self.reading = asyncio.create_task(self._read_on())
        if seen is not None and not news and time.monotonic() < self._trail_due:
            return await patiently(partial(with_attempts, self._connections, seen, self.history))
        self._trail_due = time.monotonic() + CLOSES_WITHIN
        history = self.history if known else None
        return await patiently(partial(process_document, self._connections, self._process_id, history))

    async def _read_on(self) -> bool:
        """Read what is new of the history; return whether Temporal knows the process."""
        try:
            await patiently(self._reader.read_on)
        except RPCError:  # the only one that `patiently` raises says so
            return False
        return True


@asynccontextmanager
async def _following(connections: Connections, process_id: str) -> AsyncIterator[_Follower]:
    follower = _Follower(connections, process_id)
    try:
        await follower.wait()
        yield follower
    finally:
        follower.reading.cancel()


async def patiently(look: Callable[[], Awaitable[T]]) -> T:
    """Retry until Temporal and PostgreSQL answer: a follower must survive what its process survives."""
    while True:
        try:
            return await look()
        except (RPCError, *NO_ANSWER) as error:
            if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(SLOW)


async def outcome(connections: Connections, document: ProcessDocument) -> Outcome:
    """Return the outcome of a process, with the current values of its subscription."""
    subscription = None
    if document.subscription_id is not None:
        async with connections.pool.acquire() as connection:
            if await subscriptions.read_subscription(connection, document.subscription_id):
                subscription = await subscription_document(connection, document.subscription_id)
    return Outcome(
        process_id=document.process_id,
        status=document.status,
        subscription=subscription,
        error=_error(document),
        aborted=document.aborted,
    )


def _error(document: ProcessDocument) -> LastError | None:
    match document.status:
        case ProcessStatus.RUNNING | ProcessStatus.COMPLETED:
            return None
        case ProcessStatus.ABORTED:
            return LastError(type="Aborted", message="The process was aborted and rolled back")
        case _:
            message = document.failed_reason or f"The process is {document.status}"
            return document.last_error or LastError(type=document.status.capitalize(), message=message)
