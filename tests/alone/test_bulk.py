"""A bulk goes on whatever happens, starts each row once, and is listed; on a database of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client

import worker as program
from cli.bulk_documents import process_id_of
from orchestrator.database import bulk_rows, bulks
from orchestrator.database.connection import Pool
from orchestrator.domain.bulk import Bulk, BulkRow
from orchestrator.operations.apply_rows import ROUNDS
from orchestrator.operations.bulk_activities import BulkActivities
from orchestrator.operations.bulk_rounds import Limits
from orchestrator.temporal.priorities import BATCH
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import ROOT, Endpoints
from tests.alone.test_apply import counts, names, number_of, rewrite
from tests.endpoints import variables
from tests.processes import Processes, eventually
from tests.starting import Ended, Starter


@pytest.fixture
def starter_without_worker(endpoints: Endpoints) -> Starter:
    """The starter on this database, while no worker runs."""
    return Starter(os.environ | variables(endpoints))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Fifteen groups to create."""
    path = tmp_path / "groups.csv"
    rewrite(path, "group_name\n" + "".join(f"Group {number:02}\n" for number in range(15)))
    return path


ALL = [f"Group {number:02}" for number in range(15)]


async def upload(starter: Starter, path: Path, *options: str) -> str:
    """Apply the file without waiting; return the id of the bulk."""
    ended = await starter("apply", str(path), "--product", "User Group", "--no-wait", "--json", *options)
    assert ended.code == 0, ended
    bulk_id: str = ended.document["bulk"]["bulk_id"]
    return bulk_id


async def show(starter: Starter, bulk_id: str, *options: str) -> Ended:
    return await starter("bulk", bulk_id, "--json", *options)


async def until_completed(starter: Starter, bulk_id: str, number: int) -> None:
    """Wait until at least so many rows have completed."""

    async def reached() -> bool | None:
        return (await show(starter, bulk_id)).document["completed"] >= number or None

    await eventually(reached)


async def start_worker(endpoints: Endpoints) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "worker.py"),
        cwd=ROOT,
        env=os.environ | variables(endpoints),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


@pytest.mark.exhaustive
async def test_a_killed_worker_loses_and_doubles_nothing(
    starter_without_worker: Starter, client: Client, endpoints: Endpoints, file: Path, pool: Pool
) -> None:
    dying = await start_worker(endpoints)
    bulk_id = await upload(starter_without_worker, file, "--at-once", "5")
    await until_completed(starter_without_worker, bulk_id, 3)
    dying.kill()
    assert await dying.wait() == -signal.SIGKILL
    assert (await show(starter_without_worker, bulk_id)).document["active"]
    async with program.open_worker(client, endpoints) as worker, worker:
        ended = await show(starter_without_worker, bulk_id, "--follow")
    assert (ended.code, counts(ended.document)) == (0, {"completed": 15})
    assert await names(pool) == ALL
    assert await number_of(pool, "processes") == 15


@pytest.mark.exhaustive
async def test_a_stopped_worker_hands_its_rows_over(
    starter_without_worker: Starter, client: Client, endpoints: Endpoints, file: Path, pool: Pool
) -> None:
    stopping = await start_worker(endpoints)
    bulk_id = await upload(starter_without_worker, file, "--at-once", "2")
    await until_completed(starter_without_worker, bulk_id, 2)
    stopping.terminate()
    assert await stopping.wait() == 0
    async with program.open_worker(client, endpoints) as worker, worker:
        ended = await show(starter_without_worker, bulk_id, "--follow")
    assert (ended.code, counts(ended.document)) == (0, {"completed": 15})
    assert await number_of(pool, "processes") == 15
    history = await client.get_workflow_handle(process_id_of(UUID(bulk_id))).fetch_history()
    started = [event for event in history.events if event.HasField("activity_task_started_event_attributes")]
    assert {event.activity_task_started_event_attributes.attempt for event in started} == {1}
    assert len(started) > 1


async def test_no_more_rows_run_at_once_than_asked(
    starter: Starter, file: Path, pool: Pool, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=1))
    bulk_id = await upload(starter, file, "--at-once", "4")

    async def full() -> bool | None:
        return await pool.fetchval("SELECT count(*) FROM processes WHERE ended_at IS NULL") == 4 or None

    await eventually(full)
    await until_completed(starter, bulk_id, 4)
    await groups.system.clear_faults()
    assert await pool.fetchval("SELECT count(*) FROM processes WHERE ended_at IS NULL") <= 4
    assert (await show(starter, bulk_id, "--follow")).code == 0


async def test_an_aborted_bulk_stops_and_can_be_resumed(
    starter: Starter, file: Path, pool: Pool, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=1))
    bulk_id = await upload(starter, file, "--at-once", "1")
    await until_completed(starter, bulk_id, 1)
    aborted = await starter("abort", process_id_of(UUID(bulk_id)), "--json")
    assert (aborted.code, aborted.document["status"]) == (0, "aborted")
    await groups.system.clear_faults()
    stopped = await show(starter, bulk_id, "--follow")
    assert (stopped.code, stopped.document["active"]) == (1, False)
    assert stopped.document["waiting"] > 0
    told = await starter("bulk", bulk_id)
    assert f"starter.py bulk {bulk_id} --resume" in told.stderr
    resumed = await show(starter, bulk_id, "--resume")
    assert (resumed.code, counts(resumed.document)) == (0, {"completed": 15})
    assert await names(pool) == ALL
    assert await number_of(pool, "processes") == 15


async def test_an_upload_whose_client_dies_can_be_resumed(
    starter: Starter, file: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("cli.apply_command.start_bulk", die)
        died = await starter("apply", str(file), "--product", "User Group")
    again = await starter("apply", str(file), "--product", "User Group")
    bulk_id = str(await pool.fetchval("SELECT bulk_id FROM bulks"))
    assert died.code == 130
    assert await number_of(pool, "processes") == 0
    assert f"15 rows of bulk {bulk_id} not started" in again.stderr
    assert f"starter.py bulk {bulk_id} --resume" in again.stderr
    assert (await show(starter, bulk_id, "--resume")).code == 0
    assert await names(pool) == ALL


@pytest.fixture
async def short_rounds(
    client: Client, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Starter]:
    """The starter, with a worker whose rounds have one row each."""
    monkeypatch.setattr(program, "BulkActivities", partial(BulkActivities, limits=Limits(rows=1, seconds=60)))
    async with program.open_worker(client, endpoints) as worker, worker:
        yield Starter(os.environ | variables(endpoints))


@pytest.mark.exhaustive
async def test_a_long_bulk_continues_as_new(
    short_rounds: Starter, client: Client, processes: Processes, file: Path, pool: Pool
) -> None:
    more = ROUNDS + 1
    rewrite(file, "group_name\n" + "".join(f"Group {number:02}\n" for number in range(more)))
    bulk_id = await upload(short_rounds, file, "--by", "alice", "--reason", "a new office")
    first = client.get_workflow_handle(process_id_of(UUID(bulk_id)))
    ended = await show(short_rounds, bulk_id, "--follow")
    assert counts(ended.document) == {"completed": more}
    runs = [one async for one in client.list_workflows(f"WorkflowId = '{first.id}'")]
    assert len(runs) == 2
    assert await number_of(pool, "processes") == more
    shown = await processes.details(first)
    assert "| completed" in shown
    assert "Run by alice: a new office" in shown


async def test_a_row_whose_process_is_closed_in_temporal_is_lost(
    starter: Starter,
    client: Client,
    file: Path,
    groups: FakeGroupManagement,
    pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("orchestrator.operations.bulk_rounds.ASK_AFTER", 0.5)
    await groups.system.order(Fault(kind="slow", seconds=4, times=1))
    rewrite(file, "group_name\nOne\nTwo\n")
    bulk_id = await upload(starter, file, "--at-once", "1")
    process_id = await eventually(lambda: pool.fetchval("SELECT process_id FROM processes"))
    await client.get_workflow_handle(process_id).terminate("by mistake")
    ended = await show(starter, bulk_id, "--follow")
    assert (ended.code, counts(ended.document)) == (1, {"completed": 1, "lost": 1})
    [failure] = ended.document["failures"]
    assert failure["reason"] == "Its execution in Temporal: terminated"


async def test_processes_of_a_bulk_are_less_urgent_than_others(
    starter: Starter, client: Client, file: Path, pool: Pool
) -> None:
    rewrite(file, "group_name\nOne\n")
    assert (await show(starter, await upload(starter, file), "--follow")).code == 0
    process_id = await pool.fetchval("SELECT process_id FROM processes")
    described = await client.get_workflow_handle(process_id).describe()
    assert described.raw_info.priority.priority_key == BATCH.priority_key
    assert await described.static_summary() == 'Create user group "One"'


async def test_a_row_that_no_form_takes_any_more_has_failed(starter: Starter, pool: Pool) -> None:
    """Another release has checked it."""
    bulk = Bulk.model_validate(
        {"bulk_id": uuid4(), "file_name": "a", "created_by": None, "reason": None}
        | {"created_at": "2026-01-01T00:00:00Z", "rows": 2, "skipped": 0}
    )
    rows = [
        BulkRow(line=line, workflow=workflow, product="User Group", input="{}", process_id=f"row-{line}")
        for line, workflow in enumerate(("create_user_group", "create_server"), start=1)
    ]
    async with pool.acquire() as connection:
        await bulks.insert_bulk(connection, bulk)
        await bulk_rows.copy_rows(connection, bulk.bulk_id, [(row, uuid4()) for row in rows])
    ended = await show(starter, str(bulk.bulk_id), "--resume")
    assert counts(ended.document) == {"failed": 2}
    assert [failure["reason"][:60] for failure in ended.document["failures"]] == [
        "Invalid CreateUserGroupForm: group_name is missing; give it ",
        "This release has no workflow 'create_server'",
    ]


async def test_bulks_are_listed_newest_first(starter: Starter, file: Path) -> None:
    found = []
    for number in range(3):
        rewrite(file, f"group_name\nGroup {number}\n")
        found.append(await upload(starter, file, "--by", f"person {number}"))
        await show(starter, found[-1], "--follow")
    listed = (await starter("bulk", "--json")).document
    assert [(one["bulk_id"], one["completed"]) for one in listed] == [(one, 1) for one in reversed(found)]
    older = (await starter("bulk", "--after", found[1], "--json")).document
    assert [one["bulk_id"] for one in older] == [found[0]]
    told = await starter("bulk", "--limit", "2")
    assert [line.split()[0] for line in told.stdout.splitlines()[1:]] == [found[2], found[1]]
    assert f"--after {found[1]}" in told.stderr


@pytest.mark.parametrize("wanted", ["abc", "Support", "64f731c2-30f5-5d90-b7b0-8f61a6fa6cce"])
async def test_an_unknown_bulk_is_told(starter_without_worker: Starter, wanted: str) -> None:
    ended = await show(starter_without_worker, wanted)
    assert (ended.code, ended.document["error"]["type"]) == (1, "BulkNotFound")


@pytest.mark.parametrize("option", ["--follow", "--resume", "--retry-failed", "--errors=x"])
async def test_an_option_on_one_bulk_needs_its_id(starter_without_worker: Starter, option: str) -> None:
    ended = await starter_without_worker("bulk", option)
    assert (ended.code, ended.stderr.startswith("Error: Which bulk?")) == (2, True)


async def test_a_bulk_that_does_not_exist_ends_its_process(starter: Starter, client: Client) -> None:
    handle = await client.start_workflow(
        "apply_rows", {"bulk_id": str(uuid4())}, id=f"apply_rows-{uuid4()}", task_queue="subscriptions"
    )
    ended = await starter("process", handle.id, "--follow", "--json")
    assert (ended.code, ended.document["status"]) == (1, "failed")
    assert ended.document["failed_reason"].startswith("Bulk not found: ")
