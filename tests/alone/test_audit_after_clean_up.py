"""After clean-up the audit finds nothing if all is well, and still finds contradictions."""

from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client

from orchestrator.database.connection import Pool
from orchestrator.operations.clean_up import CleanUp, CleanUpForm
from services.fake_group_management import FakeGroupManagement
from services.fake_system import FakeSystem
from tests.alone.test_audit import TAMPERED, group_of, journaled, live
from trials.audit import audit
from trials.journal import Journal
from trials.records import Records, read_records


@pytest.fixture
async def records(
    worker: None,
    client: Client,
    task_queue: str,
    pool: Pool,
    groups: FakeGroupManagement,
    systems: list[FakeSystem],
    tmp_path: Path,
) -> Records:
    """What is left of some processes, among them two validations and a modify without a change."""
    with Journal(tmp_path / "journal.jsonl") as journal:
        processes = journaled(client, journal, task_queue, pool)
        group_id = await live(processes, groups)
        for workflow, fields in (
            ("validate_user_group", {}),
            ("modify_user_group", {"group_name": "After"}),
            ("modify_user_group", {"group_name": "Last"}),
            ("validate_user_group", {}),
        ):
            await (await processes.start(workflow, group_id, **fields)).result()
        await client.execute_workflow(
            CleanUp.run,
            CleanUpForm(),
            id=f"clean_up-{uuid4()}",
            task_queue=task_queue,
            start_delay=timedelta(days=31),
        )
        query = f"TaskQueue = '{task_queue}' AND WorkflowType != 'clean_up'"
        return await read_records(journal, client, query, pool, systems)


def test_the_audit_finds_nothing_after_clean_up(records: Records) -> None:
    report = audit(records)
    assert report.findings == []
    assert report.processes == {"completed": 7, "aborted": 1}
    assert records.folded == {group_of(records).subscription_id: 2}


def lose_a_validation(records: Records) -> None:
    records.folded[group_of(records).subscription_id] -= 1


def make_up_a_validation(records: Records) -> None:
    records.folded[group_of(records).subscription_id] += 1


def test_the_audit_finds_contradictions_after_clean_up(records: Records) -> None:
    restored = deepcopy(records)
    audit(restored)
    more = [(lose_a_validation, "loss"), (make_up_a_validation, "orphan")]
    missed = []
    for tamper, kind in (*TAMPERED, *more):
        copy = deepcopy(restored)
        tamper(copy)
        if kind not in {finding.kind for finding in audit(copy).findings}:
            missed.append(tamper.__name__)
    assert missed == []
