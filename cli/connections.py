"""The services that a command uses: the configured ones, or the embedded stack."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from temporalio.client import Client

from orchestrator.database.connection import Pool, open_pool
from orchestrator.operations.own_temporal import require_own_temporal
from orchestrator.temporal.connection import connect
from settings import Endpoints, Settings
from stack.addresses import DIRECTORY
from stack.endpoints import named_endpoints
from stack.errors import StackNotInstalled
from stack.keeping import is_kept_up

R = TypeVar("R")


@dataclass(frozen=True)
class Connections:
    """What a command needs to start processes and read their state."""

    client: Client
    pool: Pool
    temporary: bool
    """Whether the stack ends with the command, because nothing is configured and no `make up` runs."""
    endpoints: Endpoints


class TemporaryStack(Exception):
    """The command would leave a process behind on a stack that ends with the command."""

    def __init__(self) -> None:
        super().__init__('--no-wait would leave the process without a worker: run "make up" first')


def with_connections(
    work: Callable[[Connections], Awaitable[R]], *, lasting: bool = False, say: Callable[[str], None]
) -> R:
    """Run the work with the configured services, or else with the embedded stack.

    Args:
        lasting: whether the stack must outlive the command.
        say: is told, in one line, what was started.

    Raises:
        TemporaryStack: when the stack must outlive the command but does not.
        ConfigurationError, TemporalUnreachable, DatabaseUnreachable, StackFailed: when a service is missing.
    """
    with _located(Settings.from_environment(), lasting=lasting, say=say) as (endpoints, temporary):
        return asyncio.run(_run(work, endpoints, temporary=temporary))


@contextmanager
def _located(
    settings: Settings, *, lasting: bool, say: Callable[[str], None]
) -> Iterator[tuple[Endpoints, bool]]:
    named = named_endpoints(settings)
    if named is not None:
        yield named, False
        return
    try:
        from stack.embedded import embedded_stack  # noqa: PLC0415  # with services a command does without
    except ModuleNotFoundError as error:
        raise StackNotInstalled from error
    kept_up = is_kept_up(DIRECTORY)
    if lasting and not kept_up:
        raise TemporaryStack
    with embedded_stack(mends=not kept_up, say=say) as addresses:
        yield (
            settings.at(temporal_address=addresses.temporal_address, database_url=addresses.database_url),
            not kept_up,
        )


async def _run(work: Callable[[Connections], Awaitable[R]], endpoints: Endpoints, *, temporary: bool) -> R:
    async with _open(endpoints, temporary=temporary) as connections:
        return await work(connections)


@asynccontextmanager
async def _open(endpoints: Endpoints, *, temporary: bool) -> AsyncIterator[Connections]:
    client = await connect(endpoints.temporal)
    async with await open_pool(endpoints.database_url.get_secret_value(), size=2) as pool:
        await require_own_temporal(client, pool)
        yield Connections(client, pool, temporary, endpoints)
