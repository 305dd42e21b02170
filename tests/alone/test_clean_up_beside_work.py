"""Clean-up beside running processes disturbs none of them."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from temporalio.client import Client

from orchestrator.database.connection import Pool
from orchestrator.operations.clean_up_activities import CleanUpActivities, CleanUpPage
from services.fake_group_management import FakeGroupManagement
from services.fake_system import FakeSystem
from tests.alone.test_audit import journaled
from tests.processes import Processes
from trials.audit import audit
from trials.journal import Journal
from trials.nights import query
from trials.records import read_records

SUBSCRIPTIONS, VALIDATIONS = 6, 4
EVERYTHING = datetime(2100, 1, 1, tzinfo=UTC)


async def clean_up_all_the_time(pool: Pool) -> None:
    """Clean up whatever has ended, until this is cancelled."""
    activities = CleanUpActivities(pool, 30)
    while True:
        await activities.clean_up_page(CleanUpPage(before=EVERYTHING, at=EVERYTHING))


async def live(processes: Processes, name: str) -> UUID:
    """Create a group, validate it several times, and rename it."""
    group_id = await processes.active_group(name)
    for _ in range(VALIDATIONS):
        await (await processes.start("validate_user_group", group_id)).result()
    await (await processes.start("modify_user_group", group_id, group_name=f"{name} again")).result()
    return group_id


@pytest.mark.exhaustive
async def test_clean_up_beside_running_processes_disturbs_none(
    worker: None,
    client: Client,
    task_queue: str,
    pool: Pool,
    groups: FakeGroupManagement,
    systems: list[FakeSystem],
    tmp_path: Path,
) -> None:
    """What has ended a moment ago is cleaned up at once: much more often than any retention would."""
    with Journal(tmp_path / "journal.jsonl") as journal:
        processes = journaled(client, journal, task_queue, pool)
        cleaning = [asyncio.create_task(clean_up_all_the_time(pool)) for _ in range(2)]
        lives = await asyncio.gather(*(live(processes, f"Group {one}") for one in range(SUBSCRIPTIONS)))
        assert not any(one.done() for one in cleaning)
        for one in cleaning:
            one.cancel()
        await CleanUpActivities(pool, 30).clean_up_page(CleanUpPage(before=EVERYTHING, at=EVERYTHING))
        records = await read_records(journal, client, query(task_queue), pool, systems)
    assert records.folded == dict.fromkeys(lives, VALIDATIONS)
    assert audit(records).findings == []
