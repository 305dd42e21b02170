"""Nightly validations leave the tables flat, and the audit finds nothing; see `make bench-retention`."""

from pathlib import Path

from temporalio.client import Client

from orchestrator.database.connection import Pool
from services.fake_system import FakeSystem
from settings import Endpoints
from trials.audit import audit
from trials.journal import Journal
from trials.nights import Nights, Sizes, query
from trials.records import read_records

SUBSCRIPTIONS, NIGHTS, KEEP = 10, 30, 7


async def test_nightly_validations_leave_the_tables_flat(
    worker: None,
    client: Client,
    endpoints: Endpoints,
    task_queue: str,
    pool: Pool,
    systems: list[FakeSystem],
    tmp_path: Path,
) -> None:
    sizes: list[Sizes] = []

    async def note(found: Sizes) -> None:
        sizes.append(found)

    with Journal(tmp_path / "journal.jsonl") as journal:
        nights = Nights(client, task_queue, journal)
        await nights.settle(SUBSCRIPTIONS)
        await nights.run(endpoints.database_url.get_secret_value(), NIGHTS, keep=KEEP, each=note)
        records = await read_records(journal, client, query(task_queue), pool, systems)
    nights.complete(records)
    # Each subscription has its create, its one real validation, and those of the nights that are kept.
    assert [one.rows for one in sizes[KEEP:]] == [SUBSCRIPTIONS * (2 + KEEP)] * (NIGHTS - KEEP)
    assert set(records.folded.values()) == {NIGHTS - KEEP}
    assert sizes[-1].total <= 1.1 * sizes[2 * KEEP].total
    assert audit(records).findings == []
