"""Start a process, act on it, and follow it until it ends or parks."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar
from uuid import uuid4

from pydantic_core import to_json
from temporalio.client import (
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from catalogue import HasTarget, workflow_type
from cli.connections import Connections
from cli.documents import Outcome, ProcessDocument, ProcessNotFound, subscription_document
from cli.process_documents import process_document, with_attempts
from orchestrator.database import processes, subscriptions
from orchestrator.database.connection import NO_ANSWER
from orchestrator.domain.errors import ProcessAlreadyExists
from orchestrator.domain.process import ProcessStatus
from orchestrator.process.forms import OperatorNote
from orchestrator.temporal.history import History, LastError
from orchestrator.temporal.plugin import TASK_QUEUE
from orchestrator.temporal.reading import HistoryReader

T = TypeVar("T")
OnChange = Callable[[ProcessDocument], None]

QUICK, SLOW = 0.05, 1.0
"""Seconds between two looks at an activity in progress: while it changes, and while it does not."""

LONGEST_SUMMARY = 400
"""Bytes of JSON: the longest summary that a Temporal server accepts by default."""

CLOSES_WITHIN = 5.0
"""Seconds to wait for news of a process that the trail already shows as ended or parked."""


def new_process_id(definition: type[HasTarget]) -> str:
    """Return a new process id: ``{workflow}-{random UUID}``."""
    return f"{workflow_type(definition)}-{uuid4()}"


async def exists(connections: Connections, process_id: str) -> bool:
    """Return whether the trail or Temporal knows a process with this id, open or ended."""
    try:
        await process_document(connections, process_id)
    except ProcessNotFound:
        return False
    return True


async def start_process(
    connections: Connections,
    definition: type[HasTarget],
    form: OperatorNote,
    process_id: str,
    *,
    title: str,
    attributes: TypedSearchAttributes = TypedSearchAttributes.empty,
) -> None:
    """Start a process under this id.

    Args:
        attributes: the search attributes that are known already. If no worker has registered them yet, the
            process sets them itself.

    Raises:
        ProcessAlreadyExists: if there is, or ever was, a process with this id; nothing was started.
    """

    async def start(attributes: TypedSearchAttributes) -> None:
        await connections.client.start_workflow(
            workflow_type(definition),
            form,
            id=process_id,
            task_queue=TASK_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=summary(title),
            search_attributes=attributes,
        )

    async with connections.pool.acquire() as connection:
        if await processes.read_process(connection, process_id) is not None:
            raise ProcessAlreadyExists(process_id)
    try:
        try:
            await start(attributes)
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            await start(TypedSearchAttributes.empty)
    except WorkflowAlreadyStartedError as error:
        raise ProcessAlreadyExists(process_id) from error


def summary(title: str) -> str:
    """Return the title, shortened to what Temporal accepts as a summary."""
    while len(to_json(title)) > LONGEST_SUMMARY:
        title = title.removesuffix("…")[:-1] + "…"
    return title


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


async def send_update(connections: Connections, process_id: str, update: str, note: OperatorNote) -> None:
    """Send the update `retry` or `give_up`, and wait until the process has accepted it.

    Raises:
        ActionRefused: if the process has ended, or is not parked.
    """
    try:
        await connections.client.get_workflow_handle(process_id).execute_update(update, note)
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        message = cause.message if isinstance(cause, ApplicationError) else str(cause)
        kind = cause.type if isinstance(cause, ApplicationError) else None
        raise ActionRefused(message, kind) from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise asyncio.CancelledError from error  # Ctrl-C, which the SDK wraps in its own error
    except RPCError as error:
        raise _refusal(process_id, error) from error


async def request_abort(connections: Connections, process_id: str, note: OperatorNote) -> None:
    """Request the cancellation of the process; the reason names who asks and why.

    Raises:
        ActionRefused: if the process has ended.
    """
    why = ": ".join(said for said in (note.by, note.reason) if said)
    try:
        await connections.client.get_workflow_handle(process_id).cancel(reason=why)
    except RPCError as error:
        raise _refusal(process_id, error) from error


def require_not_lost(document: ProcessDocument) -> None:
    """Require that no one has closed the process in Temporal.

    Raises:
        ActionRefused: if somebody has.
    """
    if document.status is ProcessStatus.LOST:
        raise ActionRefused(
            f'Process "{document.process_id}" is lost ({document.failed_reason}); nothing was changed; '
            f"set its subscription in sync: starter.py set-in-sync {document.subscription_id}",
            "NotOpen",
        )


def require_abortable(document: ProcessDocument) -> None:
    """Require that an abort of the process can still have an effect.

    Raises:
        ActionRefused: if it is parked after an abort, or has ended without completing.
    """
    process = f'Process "{document.process_id}"'
    if document.parked and document.aborted:
        ways = ", or ".join(f'"starter.py {way} {document.process_id}"' for way in document.ways)
        raise ActionRefused(f"{process} was already aborted; continue with {ways}", "AlreadyAborted")
    if document.ended_at is not None and document.status is not ProcessStatus.COMPLETED:
        raise ActionRefused(
            f"{process} has already ended ({document.status}); nothing was changed", "NotOpen"
        )


class ActionRefused(Exception):
    """A process refuses an action; programs rely on `type`."""

    def __init__(self, message: str, kind: str | None) -> None:
        super().__init__(message)
        self.type = kind or type(self).__name__


def _refusal(process_id: str, error: RPCError) -> Exception:
    if error.status is not RPCStatusCode.NOT_FOUND:
        return error
    return ActionRefused(f'Process "{process_id}" has ended; nothing was changed', "NotOpen")


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
