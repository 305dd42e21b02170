"""The import on a database that orchestrator-core has just made: what it reads, and the recorded one."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.database.connection import Pool
from orchestrator.database.imports import Importing
from orchestrator.database.orchestrator_core import open_source
from orchestrator.operations.import_orchestrator import Import
from tests.importing.dump import DUMP, reduced
from tests.importing.real import real_database

pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def real_url(directory: Path) -> Iterator[str]:
    own = directory / "orchestrator-core"  # a short path, because it contains PostgreSQL's socket
    own.mkdir()
    directory.chmod(0o755)  # root runs PostgreSQL as another user
    with real_database(own) as url:
        yield url


async def test_the_import_reads_a_database_of_the_real_package(real_url: str, pool: Pool) -> None:
    async with asyncio.timeout(300), open_source(real_url) as source:
        importing = Importing(None, None, datetime.now(UTC))
        report = await Import(pool, source, importing, dry_run=False, tell=print).run()
    counts = {one.product: (one.imported, one.refused) for one in report.products if not one.reason}
    assert counts == {"User Group": (7, 3), "User external": (21, 0), "User internal": (20, 1)}
    assert await pool.fetchval("SELECT count(*) FROM subscriptions WHERE NOT insync") == 5


async def test_the_recorded_database_has_its_shape(real_url: str) -> None:
    """Only ids and times differ, not the columns and the number of rows."""
    assert shape(await reduced(real_url)) == shape(DUMP.read_text())


def shape(dump: str) -> list[str]:
    """Return the tables, and the beginnings of the rows of each."""
    return [re.sub(r" VALUES .*", "", line) for line in dump.splitlines() if not line.startswith("Then ")]
