"""The services that a command uses: the configured ones, or the embedded stack."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from asyncpg import UndefinedTableError
from temporalio.service import RPCError

from cli.invocation import NAME, invocation
from orchestrator import traces
from orchestrator.database.connection import DatabaseUnreachable, Pool, open_pool
from orchestrator.operations.own_temporal import AnotherTemporal, require_own_temporal
from orchestrator.temporal.connection import Service, TemporalUnreachable, connect_service
from settings import Endpoints, Settings
from stack.addresses import DIRECTORY
from stack.endpoints import named_endpoints, running_stack
from stack.errors import StackNotInstalled
from stack.keeping import is_kept_up
from telemetry_settings import wants_traces

if TYPE_CHECKING:
    from temporalio.client import Client

R = TypeVar("R")

STARTING = (TemporalUnreachable, DatabaseUnreachable, AnotherTemporal, UndefinedTableError, RPCError)
"""What a command finds while a part of the stack is starting."""


@dataclass(frozen=True)
class Connections:
    """What a command needs to start processes and read their state."""

    service: Service
    pool: Pool
    temporary: bool
    """Whether the stack ends with the command, because nothing is configured and no `make up` runs."""
    endpoints: Endpoints

    @property
    def client(self) -> "Client":
        """Temporal's client, imported when it is asked for."""
        return self.service.client


class TemporaryStack(Exception):
    """The command would leave a process behind on a stack that ends with the command."""

    def __init__(self) -> None:
        super().__init__('--no-wait would leave the process without a worker: run "make up" first')


def with_connections(
    work: Callable[[Connections], Awaitable[R]], *, lasting: bool = False, reads: bool = False
) -> R:
    """Run the work with the configured services, or else with the embedded stack.

    Args:
        lasting: whether the stack must outlive the command.
        reads: whether the work only reads: it needs no worker, and can be done again.

    Raises:
        TemporaryStack: when the stack must outlive the command but does not.
        ConfigurationError, TemporalUnreachable, DatabaseUnreachable, StackFailed: when a service is missing.
    """
    settings = Settings.from_environment()
    _trace_command()
    if reads and (running := running_endpoints(settings)) is not None:
        with suppress(*STARTING):  # wait for it below
            return asyncio.run(_run(work, running, temporary=False))
    with _located(settings, lasting=lasting) as (endpoints, temporary):
        return asyncio.run(_run(work, endpoints, temporary=temporary))


def _trace_command() -> None:
    """Trace the command to its end, if traces are wanted; it may use connections several times."""
    context = click.get_current_context(silent=True)
    if context is not None and wants_traces() and not traces.is_on():
        name = context.command_path.removeprefix(f"{invocation()} ")
        context.find_root().with_resource(traces.command(f"{NAME} {name}", "subscriptions-starter"))


def running_endpoints(settings: Settings, directory: Path = DIRECTORY) -> Endpoints | None:
    """Return the endpoints of the stack that `make up` keeps running, if nothing is configured."""
    if named_endpoints(settings) is not None or not is_kept_up(directory):
        return None
    stack = running_stack(directory)
    if stack is None:
        return None
    return stack.endpoints(settings)


@contextmanager
def _located(settings: Settings, *, lasting: bool) -> Iterator[tuple[Endpoints, bool]]:
    named = named_endpoints(settings)
    if named is not None:
        yield named, False
        return
    from cli.output import say

    try:
        from stack.embedded import embedded_stack  # with services a command does without
    except ModuleNotFoundError as error:
        raise StackNotInstalled from error
    kept_up = is_kept_up(DIRECTORY)
    if lasting and not kept_up:
        raise TemporaryStack
    with embedded_stack(mends=not kept_up, say=say) as addresses:
        yield addresses.endpoints(settings), not kept_up


async def _run(work: Callable[[Connections], Awaitable[R]], endpoints: Endpoints, *, temporary: bool) -> R:
    async with _open(endpoints, temporary=temporary) as connections:
        return await work(connections)


@asynccontextmanager
async def _open(endpoints: Endpoints, *, temporary: bool) -> AsyncIterator[Connections]:
    service = await connect_service(endpoints.temporal)
    async with await open_pool(endpoints.database_url.get_secret_value(), size=2) as pool:
        await require_own_temporal(service, pool)
        yield Connections(service, pool, temporary, endpoints)
