"""The services that a command talks to: those that are configured, or the embedded stack."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from temporalio.client import Client

from orchestrator.database.connection import Pool, open_pool
from orchestrator.operations.own_temporal import require_own_temporal
from orchestrator.temporal.connection import connect
from settings import Settings
from stack.addresses import DIRECTORY, of_running_stack
from stack.embedded import embedded_stack, is_kept_up

R = TypeVar("R")


@dataclass(frozen=True)
class Connections:
    """What a command needs to start processes and to read what became of them."""

    client: Client
    pool: Pool
    passing: bool
    """Whether the stack may be gone after the command: nothing was configured and no `make up` runs."""
    settings: Settings
    """Those that say where the external systems are."""


class Passing(Exception):
    """A command that leaves a process to itself, on a stack that would not outlive the command."""

    def __init__(self) -> None:
        super().__init__('--no-wait would leave the process without a worker: run "make up" first')


def with_connections(
    work: Callable[[Connections], Awaitable[R]], *, lasting: bool = False, say: Callable[[str], None]
) -> R:
    """Run the work with the services that are configured, else with the embedded stack.

    Args:
        lasting: whether the stack must outlive the command.
        say: told, in a line, what is started.

    Raises:
        Passing: when the stack must outlive the command and would not.
        ConfigurationError, TemporalUnreachable, DatabaseUnreachable, StackFailed: when there are none.
    """
    with _located(Settings.from_environment(), lasting=lasting, say=say) as (settings, passing):
        return asyncio.run(_run(work, settings, passing=passing))


@contextmanager
def _located(
    settings: Settings, *, lasting: bool, say: Callable[[str], None]
) -> Iterator[tuple[Settings, bool]]:
    settings = of_running_stack(settings)
    if settings.configured:
        yield settings, False
        return
    kept_up = is_kept_up(DIRECTORY)
    if lasting and not kept_up:
        raise Passing
    with embedded_stack(mends=not kept_up, say=say) as addresses:
        yield (
            settings.at(temporal_address=addresses.temporal_address, database_url=addresses.database_url),
            not kept_up,
        )


async def _run(work: Callable[[Connections], Awaitable[R]], settings: Settings, *, passing: bool) -> R:
    async with _open(settings, passing=passing) as connections:
        return await work(connections)


@asynccontextmanager
async def _open(settings: Settings, *, passing: bool) -> AsyncIterator[Connections]:
    assert settings.database_url is not None
    client = await connect(settings.temporal)
    async with await open_pool(settings.database_url, size=2) as pool:
        await require_own_temporal(client, pool)
        yield Connections(client, pool, passing, settings)
