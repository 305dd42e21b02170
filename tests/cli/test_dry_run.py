"""`modify --dry-run` shows what would change, and leaves everything as it is."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from services.fake_group_management import FakeGroupManagement
from tests.mending import lost_holder
from tests.processes import Processes
from tests.starting import Ended, Starter


async def dry_run(starter: Starter, wanted: UUID, *arguments: str) -> Ended:
    return await starter("modify", str(wanted), *arguments, "--dry-run", "--json")


async def rows(processes: Processes, wanted: UUID) -> tuple[Any, ...]:
    """Return what a modify could change or leave behind."""
    trail = await processes.pool.fetchval("SELECT count(*) FROM processes WHERE subscription_id = $1", wanted)
    row = await processes.pool.fetchrow(
        "SELECT s::text FROM subscriptions s WHERE subscription_id = $1", wanted
    )
    return trail, row


async def test_a_dry_run_shows_what_would_change(
    worker: None, starter: Starter, processes: Processes
) -> None:
    name = f"After {uuid4()}"  # a description that no other test has
    before, after = await processes.active_group("Before"), await processes.active_group(name)
    user = await processes.active_user(before, "alice", age=42)
    rows_before = await rows(processes, user)
    new = ("--username", "bob", "--age", "null", "--group", f"User Group {name}")
    ended = await dry_run(starter, user, *new)
    assert ended.code == 0
    assert ended.document["changes"] == [
        {"name": "username", "before": "alice", "after": "bob"},
        {"name": "age", "before": 42, "after": None},
        {"name": "group", "before": str(before), "after": str(after)},
    ]
    assert ended.document["subscription"]["user"]["username"] == "alice"
    assert await rows(processes, user) == rows_before


async def test_a_dry_run_shows_what_the_modify_then_changes(
    worker: None, starter: Starter, processes: Processes
) -> None:
    group = await processes.active_group("Before")
    told = (await dry_run(starter, group, "--group-name", "Later")).document["changes"]
    done = await starter("modify", str(group), "--group-name", "Later", "--json")
    shown = await starter("process", done.document["process_id"], "--json")
    assert told == [{"name": "group_name", "before": "Before", "after": "Later"}]
    assert shown.document["changes"] == told


async def test_a_dry_run_without_a_change_says_so(
    worker: None, starter: Starter, processes: Processes
) -> None:
    group = await processes.active_group("Same")
    in_json = await dry_run(starter, group, "--group-name", " Same ")
    on_terminal = await starter("modify", str(group), "--group-name", "Same", "--dry-run")
    assert (in_json.code, in_json.document["changes"]) == (0, [])
    assert "No value would change" in on_terminal.stdout


async def test_a_dry_run_prints_one_line_for_each_value(
    worker: None, starter: Starter, processes: Processes
) -> None:
    group = await processes.active_group("Before")
    ended = await starter("modify", str(group), "--group-name", "After", "--dry-run")
    assert [line.split() for line in ended.stdout.splitlines()] == [
        ["Value", "Before", "After"],
        ["group_name", "Before", "After"],
    ]
    assert "no process was started" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--group-name", "b", "--version", "7"], "StaleVersion"),
        (["--group-name", "b", "--group-id", "0"], "InvalidInput"),
    ],
)
async def test_a_dry_run_that_would_be_refused_says_why(
    worker: None, starter: Starter, processes: Processes, arguments: list[str], error: str
) -> None:
    ended = await dry_run(starter, await processes.active_group(), *arguments)
    assert (ended.code, ended.document["changes"], ended.document["error"]["type"]) == (1, [], error)


async def test_a_dry_run_on_a_held_subscription_is_refused(
    worker: None, starter: Starter, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle, group = await lost_holder(processes, groups)
    ended = await starter("modify", str(group), "--group-name", "b", "--dry-run")
    assert ended.code == 1
    assert f"held by {handle.id}" in ended.stderr


@pytest.mark.parametrize("option", [["--no-wait"], ["--process-id", "x"]])
async def test_a_dry_run_takes_no_option_of_a_start(starter: Starter, option: list[str]) -> None:
    ended = await starter("modify", "64f7", "--group-name", "b", "--dry-run", *option)
    assert (ended.code, "--dry-run starts no process" in ended.stderr) == (2, True)


async def test_a_dry_run_of_a_wrong_form_is_wrong_usage(
    worker: None, starter: Starter, processes: Processes
) -> None:
    ended = await dry_run(starter, await processes.active_group(), "--group-name", "")
    assert (ended.code, ended.document["error"]["type"]) == (2, "InvalidInput")
