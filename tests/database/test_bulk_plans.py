"""PostgreSQL finds the rows of bulks by an index, and their processes as well."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from orchestrator.database import bulk_rows, bulks
from orchestrator.database.connection import Connection, Pool, open_pool
from orchestrator.database.migrate import migrate
from orchestrator.domain.bulk import RowResult, RowStatus
from tests.conftest import new_database
from tests.database.test_plans import Explained, explain, explain_generic, indexes, rolled_back, scanned
from trials.growth.filling import fill

ROWS = (
    """
    INSERT INTO bulks (bulk_id, file_name, created_at, rows, skipped)
    SELECT md5('bulk ' || number)::uuid, 'rows.csv', timestamptz '2020-01-01' + number * interval '1 hour',
           0, 0
    FROM generate_series(1, 2000) AS number
    """,
    """
    INSERT INTO bulk_rows (bulk_id, line, workflow, product, input, digest, process_id, status)
    SELECT md5('bulk ' || p.number % 20)::uuid, p.number, p.workflow, 'User Group', '{}',
           md5('row ' || p.number)::uuid, p.process_id,
           (ARRAY['waiting', 'parked', 'refused', 'running'] || array_fill('completed'::text, ARRAY[46]))
               [1 + p.number % 50]
    FROM (SELECT row_number() OVER () AS number, workflow, process_id FROM processes) AS p
    WHERE p.number % 20 <> 0
    """,
    "ANALYZE",
)
"""Makes a row for nearly each process; one in twelve has not completed."""

BULK, OTHER_BULK, DIGEST = (
    UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())
    for text in ("bulk 7", "bulk 1", "row 1003")
)


async def count_rows(connection: Connection) -> None:
    """Count the rows of two bulks."""
    listed = [await bulks.read_bulk(connection, one) for one in (BULK, OTHER_BULK)]
    await bulk_rows.count_rows(connection, listed)


ASKED: dict[str, Callable[[Connection], Awaitable[Any]]] = {
    "a bulk": partial(bulks.read_bulk, bulk_id=BULK),
    "a bulk by its beginning": partial(bulks.find_bulks, first=BULK, last=BULK, limit=2),
    "the size of a bulk": partial(bulks.set_size, bulk_id=BULK, rows=1, skipped=0),
    "older bulks": partial(bulks.list_bulks, limit=5, after=BULK),
    "the counts of a bulk": count_rows,
    "rows that an earlier bulk has": partial(bulk_rows.find_earlier, digests=[DIGEST]),
    "the next rows": partial(bulk_rows.list_noted, bulk_id=BULK, status=RowStatus.WAITING, limit=20),
    "whether there are more rows": partial(bulk_rows.has_more, bulk_id=BULK),
    "the failures of a bulk": partial(bulk_rows.list_failures, bulk_id=BULK, limit=20),
    "rows to run again": partial(bulk_rows.run_again, bulk_id=BULK),
    "the results of rows": partial(
        bulk_rows.note_results,
        bulk_id=BULK,
        results=[RowResult(line=27, process_id="a", status=RowStatus.COMPLETED)],
    ),
}


@pytest.fixture(scope="module")
async def filled(postgres: str) -> AsyncIterator[Pool]:
    """A database of its own with 30,000 processes: enough that an index is cheaper than a whole table."""
    await migrate(database_url := await new_database(postgres))
    await fill(database_url, blocks=10)
    async with await open_pool(database_url, size=1) as pool:
        for statement in ROWS:
            await pool.execute(statement)
        yield pool


@pytest.mark.parametrize("explained", [explain, explain_generic])
@pytest.mark.parametrize("name", ASKED)
async def test_a_statement_about_bulks_uses_an_index(filled: Pool, name: str, explained: Explained) -> None:
    async with rolled_back(filled) as connection:
        plan = await explained(connection, ASKED[name])
    assert indexes(plan)
    assert scanned(plan) == set(), plan


@pytest.mark.parametrize(
    ("index", "name"),
    [
        ("bulk_rows_by_digest", "rows that an earlier bulk has"),
        ("bulks_by_time", "older bulks"),
    ],
)
async def test_a_statement_about_bulks_without_index_is_noticed(filled: Pool, index: str, name: str) -> None:
    async with rolled_back(filled) as connection:
        await connection.execute(f"DROP INDEX {index}")
        assert scanned(await explain(connection, ASKED[name]))
