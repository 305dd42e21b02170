"""`/live` and `/ready` of a worker: whether to restart it, and whether it does its work."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

import asyncpg
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from orchestrator.database.connection import NO_ANSWER, Pool
from orchestrator.database.schema import SchemaOutOfDate, read_fit
from orchestrator.temporal.metrics import AddressNotUsable

PATIENCE = 5.0
"""Seconds for a request to come, and for everything that `/ready` asks, together."""

POLLED = timedelta(minutes=2)
"""How long ago a worker may have polled: Temporal holds a poll for one minute."""

_REASONS = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


class Checks(Protocol):
    """Says what keeps a worker from its work."""

    async def problems(self) -> list[str]:
        """Return a sentence for each problem; none if the worker is ready."""
        ...


class WorkerChecks:
    """Asks PostgreSQL and Temporal whether a worker does its work."""

    def __init__(self, client: Client, pool: Pool, task_queue: str, versions: Sequence[str]) -> None:
        """Take what to ask.

        Args:
            versions: those of the schema that this code knows, oldest first.
        """
        self._client = client
        self._pool = pool
        self._task_queue = task_queue
        self._versions = versions

    async def problems(self) -> list[str]:
        """Return a sentence for each problem; none if the worker is ready."""
        found = await asyncio.gather(self._database(), self._polling())
        return [problem for problem in found if problem]

    async def _database(self) -> str | None:
        try:
            async with asyncio.timeout(PATIENCE), self._pool.acquire() as connection:
                (await read_fit(connection, self._versions)).require(self._versions)
        except SchemaOutOfDate as error:
            return str(error)
        except (asyncpg.PostgresError, *NO_ANSWER) as error:
            return f"PostgreSQL does not answer: {str(error) or type(error).__name__}"
        return None

    async def _polling(self) -> str | None:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=self._task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        try:
            answer = await self._client.workflow_service.describe_task_queue(
                request, timeout=timedelta(seconds=PATIENCE)
            )
        except RPCError as error:
            return f"Temporal does not answer: {error.message}"
        since = datetime.now(UTC) - POLLED
        polls = (
            poller.last_access_time.ToDatetime(tzinfo=UTC) > since
            for poller in answer.pollers
            if poller.identity == self._client.identity
        )
        return None if any(polls) else f'The worker does not poll the task queue "{self._task_queue}"'


@asynccontextmanager
async def health_server(address: str | None, checks: Checks) -> AsyncIterator[None]:
    """Answer `/live` and `/ready` at this address; do nothing if it is `None`.

    `/live` is 200 for as long as the event loop runs: if there is no answer, restart the worker. `/ready` is
    200 or 503, with one line of JSON that says what is wrong. Any other client gets no more than that.

    Raises:
        AddressNotUsable: when another program has this address, or this machine does not.
    """
    if address is None:
        yield
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                words = (await reader.readuntil(b"\r\n")).split()
                while await reader.readuntil(b"\r\n") != b"\r\n":
                    pass
            writer.write(_response(*await _answer(words, checks)))
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client has gone, is slow, or speaks another protocol
        finally:
            writer.close()

    host, _, port = address.rpartition(":")
    try:
        server = await asyncio.start_server(answer, host.strip("[]"), int(port))
    except OSError as error:
        cause = (error.strerror or str(error)).rpartition(": ")[2]
        raise AddressNotUsable("HEALTH_ADDRESS", address, cause) from None
    async with server:
        yield


async def _answer(words: list[bytes], checks: Checks) -> tuple[int, dict[str, bool | list[str]]]:
    match words:
        case [b"GET", b"/live", *_]:
            return 200, {"live": True}
        case [b"GET", b"/ready", *_]:
            problems = await checks.problems()
            return (503 if problems else 200), {"ready": not problems, "problems": problems}
        case [b"GET", *_]:
            return 404, {"problems": ["ask for /live or /ready"]}
        case _:
            return 405, {"problems": ["send GET"]}


def _response(status: int, body: dict[str, bool | list[str]]) -> bytes:
    text = json.dumps(body) + "\n"
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}",
        "Content-Type: application/json",
        f"Content-Length: {len(text)}",
        "Cache-Control: no-store",
        "Connection: close",
    )
    return ("\r\n".join(head) + "\r\n\r\n" + text).encode()
