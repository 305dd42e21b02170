"""Files of rows are applied by one command, on a database of its own."""

from pathlib import Path
from typing import Any

import pytest

from orchestrator.database.connection import Pool
from tests.starting import Ended, Starter

GROUPS = "group_name\nSupport\nSecurity\nOperators\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three groups to create."""
    path = tmp_path / "groups.csv"
    path.write_text(GROUPS)
    return path


async def apply(starter: Starter, path: Path, *options: str, product: str | None = "User Group") -> Ended:
    named = [] if product is None else ["--product", product]
    return await starter("apply", str(path), *named, *options, "--json")


async def names(pool: Pool, status: str = "active") -> list[str]:
    """Return the names of the groups with this status."""
    rows = await pool.fetch(
        "SELECT block ->> 'group_name' AS name FROM subscriptions WHERE status = $1 ORDER BY 1", status
    )
    return [row["name"] for row in rows]


def counts(document: Any) -> dict[str, int]:
    """Return the numbers of rows that are not 0."""
    bulk = document["bulk"] or {}
    found = {
        name: bulk.get(name)
        for name in ("completed", "parked", "refused", "failed", "aborted", "lost", "waiting", "running")
    }
    return {name: number for name, number in found.items() if number}


async def test_every_row_becomes_a_subscription(starter: Starter, file: Path, pool: Pool) -> None:
    ended = await apply(starter, file, "--by", "alice", "--reason", "ticket 4711")
    assert (ended.code, counts(ended.document)) == (0, {"completed": 3}), ended
    assert await names(pool) == ["Operators", "Security", "Support"]
    said = await pool.fetch("SELECT DISTINCT created_by, reason FROM processes")
    assert [tuple(row) for row in said] == [("alice", "ticket 4711")]
