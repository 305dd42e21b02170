"""`clean-up` and its schedule from the command line."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from temporalio.client import Client

from orchestrator.database.connection import Pool, transaction
from orchestrator.operations.schedules import CLEAN_UP, end_schedule
from tests.cli.test_ids import group
from tests.processes import eventually
from tests.starting import Starter


@pytest.fixture
async def old(starter: Starter, pool: Pool) -> None:
    """A group and two validations of it, which ended 31 days ago."""
    _, group_id = await group(starter, "Old")
    for _ in range(2):
        await starter("validate", group_id)
    earlier = "started_at = started_at - interval '31 d', ended_at = ended_at - interval '31 d'"
    await pool.execute(f"UPDATE processes SET {earlier}")


async def processes_left(pool: Pool) -> int:
    left: int = await pool.fetchval("SELECT count(*) FROM processes")
    return left


async def test_a_dry_run_counts_and_changes_nothing(old: None, starter: Starter, pool: Pool) -> None:
    counted = await starter("clean-up", "--dry-run", "--json")
    text = await starter("clean-up", "--dry-run")
    assert await processes_left(pool) == 3
    done = await starter("clean-up", "--json", "--reason", "disk is full")
    names = ["folded", "dropped", "findings"]
    assert [counted.document[name] for name in names] == [2, 1, 0]
    assert [done.document[name] for name in names] == [2, 1, 0]
    assert list(done.document) == list(counted.document) == ["before", *names]
    assert "validations folded             2\n" in text.stdout
    assert "Nothing was changed" in text.stderr
    assert await processes_left(pool) == 1


async def test_folded_validations_still_count(old: None, starter: Starter) -> None:
    before = (await starter("subscription", "User Group Old", "--json")).document["validations"]
    await starter("clean-up")
    after = (await starter("subscription", "User Group Old", "--json")).document["validations"]
    assert [before["number"], before["last_status"]] == [2, "completed"]
    assert [after["number"], after["last_status"]] == [2, "completed"]


async def test_days_and_the_setting_say_what_is_kept(old: None, starter: Starter) -> None:
    async def counted(*arguments: str, setting: str = "") -> int:
        told = Starter(starter.environment | {"RETENTION_DAYS": setting})
        folded: int = (await told("clean-up", "--dry-run", "--json", *arguments)).document["folded"]
        return folded

    assert [await counted("--days", "32"), await counted("--days", "30")] == [0, 2]
    assert [await counted(setting="32"), await counted(setting="30")] == [0, 2]
    assert await counted("--days", "30", setting="32") == 2


async def test_clean_up_twice_does_nothing_twice(
    old: None, starter: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.operations.clean_up_activities.PAGE", 2)
    process_id = f"clean-up-{uuid4()}"
    first = await starter("clean-up", "--process-id", process_id)
    same = await starter("clean-up", "--process-id", process_id)
    again = await starter("clean-up", "--json")
    shown = await starter("process", process_id, "--json")
    assert (first.code, same.code, same.stdout) == (0, 1, first.stdout)
    assert f'Process "{process_id}" already exists' in same.stderr
    assert (again.document["folded"], again.document["dropped"]) == (0, 0)
    assert (shown.document["workflow"], shown.document["status"]) == ("clean_up", "completed")
    steps = [(step["title"], step["attempts"]) for step in shown.document["steps"]]
    assert steps == [("Find retention", 1), ("Clean up, page 1", 1), ("Clean up, page 2", 1)]


async def test_clean_up_can_be_aborted(
    old: None, starter: Starter, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.operations.clean_up_activities.PAGE", 1)
    process_id = f"clean-up-{uuid4()}"
    async with transaction(pool) as connection:
        await connection.execute("LOCK TABLE validation_findings IN ACCESS EXCLUSIVE MODE")
        await starter("clean-up", "--no-wait", "--process-id", process_id)
        await starter("abort", process_id, "--no-wait", "--reason", "not now")
    followed = await starter("clean-up", "--process-id", process_id, "--json")
    shown = await starter("process", process_id, "--json")
    assert (followed.code, followed.document["error"]["type"]) == (1, "Aborted")
    assert shown.document["status"] == "aborted"
    assert await processes_left(pool) >= 2


async def test_a_list_does_not_lack_what_was_changed(old: None, starter: Starter) -> None:
    before = (await starter("processes", "--json")).document
    await starter("clean-up")
    after = (await starter("processes", "--json")).document
    assert [one["target"] for one in before] == ["VALIDATE", "VALIDATE", "CREATE"]
    assert after == before[2:]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clean-up", "--days", "0"], "Invalid CleanUpForm: days"),
        (["clean-up", "--days", "3651"], "Invalid CleanUpForm: days"),
        (["clean-up", "--dry-run", "--no-wait"], "--dry-run starts no process"),
        (["schedule", "clean-up", "--off", "--days", "3"], "Give --off alone"),
    ],
)
async def test_a_wrong_clean_up_is_refused(starter: Starter, arguments: list[str], message: str) -> None:
    ended = await starter(*arguments)
    assert ended.code == 2
    assert message in ended.stderr


@pytest.fixture
async def scheduled(client: Client) -> AsyncIterator[None]:
    """Delete the schedule before and after the test."""
    await end_schedule(client, CLEAN_UP)
    yield
    await end_schedule(client, CLEAN_UP)


async def test_clean_up_is_scheduled_beside_validations(
    old: None, scheduled: None, client: Client, starter: Starter
) -> None:
    made = await starter("schedule", "clean-up", "--every", "12h", "--days", "30", "--json")
    await client.get_schedule_handle(CLEAN_UP.schedule_id).trigger()

    async def cleaned_up() -> str | None:
        found = (await starter("schedule", "--json")).document["clean_up"]["last_totals"]
        return None if found is None else (await starter("schedule")).stdout

    shown = await eventually(cleaned_up)
    ended = await starter("schedule", "clean-up", "--off", "--json")
    assert (made.document["clean_up"]["every"], list(made.document)) == ("12h", ["clean_up"])
    assert "clean-up         every 12h" in shown
    assert "2 validations folded, results of 1 processes dropped, 0 findings deleted" in shown
    assert ended.document["clean_up"]["scheduled"] is False
