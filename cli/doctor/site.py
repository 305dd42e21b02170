"""What the doctor examines: the services that are configured, or the embedded stack."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from orchestrator.database.connection import DatabaseUnreachable, Pool, open_pool
from orchestrator.temporal.connection import Service, TemporalUnreachable, connect_service
from settings import ConfigurationError, Endpoints, Settings
from stack.addresses import DIRECTORY, Addresses
from stack.endpoints import named_endpoints

PATIENCE = 15.0
"""Seconds to wait for the answer of a server, and for each check."""


class CannotAsk(Exception):
    """A check cannot ask its question; the message says why."""


NOTHING_TO_ASK = CannotAsk("there are no services to ask")


@dataclass(frozen=True)
class Site:
    """The services, each with its connection or the reason that there is none."""

    settings: Settings
    located: Endpoints | Exception | None
    """Where the services are; `None` if nothing is configured and the embedded stack is not running."""
    stack: Path | None
    """Data of the embedded stack; `None` if services are configured."""
    database: Union["Pool", Exception]
    temporal: Service | Exception

    @property
    def endpoints(self) -> Endpoints:
        """Where the services are.

        Raises:
            CannotAsk: when nothing runs, or the configuration cannot be read.
        """
        if not isinstance(self.located, Endpoints):
            raise NOTHING_TO_ASK
        return self.located

    @property
    def pool(self) -> Pool:
        """The connections to PostgreSQL.

        Raises:
            CannotAsk: when there are none.
        """
        if isinstance(self.database, CannotAsk):
            raise self.database
        if isinstance(self.database, Exception):
            raise CannotAsk("PostgreSQL does not answer")
        return self.database

    @property
    def service(self) -> Service:
        """The connection to Temporal.

        Raises:
            CannotAsk: when there is none.
        """
        if isinstance(self.temporal, CannotAsk):
            raise self.temporal
        if isinstance(self.temporal, Exception):
            raise CannotAsk("Temporal does not answer")
        return self.temporal

    @property
    def starting(self) -> str:
        """The command that starts a worker here."""
        return "make worker" if self.stack is None else "make up"


@asynccontextmanager
async def open_site(directory: Path = DIRECTORY) -> AsyncIterator[Site]:
    """Find the services and connect to those that answer; nothing is started."""
    settings = Settings()
    located: Endpoints | Exception | None = None
    stack: Path | None = None
    try:
        settings = Settings.from_environment()
        located, stack = _locate(settings, directory)
    except ConfigurationError as error:
        located = error
    async with AsyncExitStack() as opened:
        database: Pool | Exception = NOTHING_TO_ASK
        temporal: Service | Exception = NOTHING_TO_ASK
        if isinstance(located, Endpoints):
            database, temporal = await asyncio.gather(_database(located), _temporal(located))
        if not isinstance(database, Exception):
            opened.push_async_callback(_close, database)
        yield Site(settings, located, stack, database, temporal)


def _locate(settings: Settings, directory: Path) -> tuple[Endpoints | None, Path | None]:
    """Return where the services are, and the directory of the embedded stack if it is meant.

    Raises:
        ConfigurationError: when only a part is configured.
    """
    named, found = named_endpoints(settings, directory), Addresses.read(directory)
    if named is not None:
        own = found is not None and named.database_url.get_secret_value() == found.database_url
        return named, directory if own else None
    if found is None or not found.pids:
        return None, directory
    return found.endpoints(settings), directory


async def _database(endpoints: Endpoints) -> "Pool | Exception":
    try:
        async with asyncio.timeout(PATIENCE):
            return await open_pool(endpoints.database_url.get_secret_value(), size=2)
    except (DatabaseUnreachable, TimeoutError) as error:
        return error


async def _temporal(endpoints: Endpoints) -> Service | Exception:
    try:
        async with asyncio.timeout(PATIENCE):
            return await connect_service(endpoints.temporal)
    except (TemporalUnreachable, TimeoutError) as error:
        return error


async def _close(pool: Pool) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await pool.close()
