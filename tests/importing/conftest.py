"""A database of orchestrator-core as it was recorded, and an empty database of ours for each test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from orchestrator.database.connection import Pool
from orchestrator.database.imports import Importing
from orchestrator.database.orchestrator_core import open_source
from orchestrator.operations.import_orchestrator import Import, ImportReport
from settings import Endpoints
from tests.alone.conftest import starter  # noqa: F401  # with a worker on the database of the test
from tests.conftest import new_database
from tests.endpoints import with_database
from tests.importing.dump import DUMP

Run = Callable[..., Awaitable[ImportReport]]

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


@pytest.fixture(scope="session")
async def recorded(postgres: str) -> str:
    """The URL of the recorded database."""
    url = await new_database(postgres)
    connection = await asyncpg.connect(url)
    await connection.execute(DUMP.read_text())
    await connection.close()
    return url


@pytest.fixture
async def source_url(postgres: str, recorded: str) -> str:
    """The URL of a copy of the recorded database."""
    return await new_database(postgres, recorded)


@pytest.fixture
async def endpoints(endpoints: Endpoints, postgres: str, prepared: str) -> Endpoints:
    """The settings of the session, with a new database for each test."""
    return with_database(endpoints, await new_database(postgres, prepared))


@pytest.fixture
async def source(source_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection that changes the recorded database."""
    connection = await asyncpg.connect(source_url)
    yield connection
    await connection.close()


@pytest.fixture
def run(pool: Pool, source_url: str) -> Run:
    """Import everything into our database."""

    async def import_all(*, dry_run: bool = False) -> ImportReport:
        async with asyncio.timeout(120), open_source(source_url) as opened:
            importing = Importing("dora", "we move", AT)
            return await Import(pool, opened, importing, dry_run=dry_run, tell=print).run()

    return import_all
