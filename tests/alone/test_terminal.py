"""What a person sees on a terminal of 80 columns, and types into it."""

import asyncio
import re
import signal
from dataclasses import replace
from uuid import uuid4

import pytest

from cli.commands import COMMANDS
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import eventually, until_struck
from tests.starting import Ended, Starter
from tests.terminal import Terminal, on_terminal


async def typed(starter: Starter, *arguments: str) -> Ended:
    """Run a command on a terminal of 80 columns; assert that it cuts nothing."""
    ended = await asyncio.to_thread(on_terminal, starter.environment, *arguments)
    assert "…" not in ended.stdout
    return ended


def fits(ended: Ended) -> str:
    """Return the table that was shown, without its line breaks; assert that no line is too long."""
    table = ended.stdout.partition("There may be more")[0]  # a hint is one line, to be pasted
    assert max(map(len, table.splitlines())) <= 80
    return " ".join(table.split())


async def parked(starter: Starter, groups: FakeGroupManagement) -> tuple[str, str, str]:
    """Create a group with a long name that parks; return its name, its process and its subscription."""
    name = f"Network operators of the northern region {uuid4()}"
    await groups.system.order(Fault(kind="reject", name=name))
    document = (await starter("create", "user-group", "--group-name", name, "--json")).document
    return name, document["process_id"], document["subscription"]["subscription_id"]


async def test_a_list_of_processes_fits_80_columns(starter: Starter, groups: FakeGroupManagement) -> None:
    name, process_id, subscription_id = await parked(starter, groups)
    shown = fits(await typed(starter, "processes", "--status", "parked", "--limit", "1"))
    short = process_id.removeprefix("create_user_group-")[:8]
    assert f"{short} ✗ parked create_user_group {subscription_id[:8]} " in shown
    assert f"rejects '{name}'" in shown


async def test_a_list_of_subscriptions_fits_80_columns(starter: Starter, groups: FakeGroupManagement) -> None:
    name, process_id, subscription_id = await parked(starter, groups)
    listed = fits(await typed(starter, "subscriptions", "--limit", "1"))
    why = fits(await typed(starter, "subscriptions", "--out-of-sync", "--limit", "1"))
    assert f"{subscription_id[:8]} provisioning no " in listed
    assert f"User Group {name}" in listed
    assert f"User Group {name}" in why
    assert f"held by {process_id}, parked" in why


async def test_an_outage_is_shown_within_80_columns(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="unreachable"))
    started = await starter("create", "user-group", "--group-name", "Away", "--no-wait")
    process_id = started.stdout.strip()
    async with asyncio.timeout(30):
        while "↻ retrying" not in (shown := (await typed(starter, "process", process_id))).stdout:
            pass
    await groups.system.clear_faults()
    table, _, hint = shown.stdout.partition("Provision user group is tried again")
    assert "group_management cannot be reached" in fits(replace(shown, stdout=table))
    assert f"retry {process_id}" in hint
    assert (await starter("process", process_id, "--follow")).code == 0


async def test_a_short_id_of_a_table_is_accepted(starter: Starter, groups: FakeGroupManagement) -> None:
    _, process_id, subscription_id = await parked(starter, groups)
    line = (await typed(starter, "processes", "--limit", "1")).stdout.splitlines()[1]
    process, subscription = re.findall(r"\b[0-9a-f]{8}\b", line)
    shown = await starter("process", process, "--json")
    about = await starter("subscription", subscription, "--json")
    assert shown.document["process_id"] == process_id
    assert about.document["subscription_id"] == subscription_id


async def test_a_pipe_gets_whole_lines(starter: Starter, groups: FakeGroupManagement) -> None:
    name, process_id, subscription_id = await parked(starter, groups)
    listed = await starter.program("processes", "--limit", "1")
    subscriptions = await starter.program("subscriptions", "--out-of-sync", "--limit", "1")
    [row] = listed.stdout.splitlines()[1:]
    [why] = subscriptions.stdout.splitlines()[1:]
    assert row.startswith(f"{process_id}  ✗ parked")
    assert subscription_id in row
    assert row.endswith(f"rejects '{name}'")
    assert why.startswith(subscription_id)
    assert why.endswith(f"held by {process_id}, parked")


async def test_hints_say_what_was_typed(starter: Starter, groups: FakeGroupManagement) -> None:
    _, process_id, _ = await parked(starter, groups)
    shown = await starter.program("process", process_id)
    as_json = await starter.program("process", "nobody", "--json")
    assert re.search(rf"^  \S+ starter\.py retry {process_id}\n  \S+ starter\.py", shown.stdout, re.MULTILINE)
    assert '"starter.py processes"' in as_json.document["error"]["message"]


@pytest.mark.parametrize("group", ["", "create", "schedule"])
async def test_the_list_of_commands_is_whole_sentences(starter: Starter, group: str) -> None:
    page = await typed(starter, *group.split(), "--help")
    listed = page.stdout.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert len(listed) == {"": len(COMMANDS), "create": 2, "schedule": 2}[group]
    assert [line for line in listed if not line.endswith(".") or line.endswith("..")] == []


async def test_one_ctrl_c_ends_the_question(starter: Starter) -> None:
    name = f"\u202egnp {uuid4()}"
    created = (await starter("create", "user-group", "--group-name", name, "--json")).document
    subscription_id = created["subscription"]["subscription_id"]
    terminal = Terminal.open(starter.environment, "terminate", subscription_id)
    asked = await asyncio.to_thread(terminal.until, "[y/N]: ")
    await asyncio.sleep(0.3)  # a signal just before the program reads would be heeded only after the answer
    terminal.process.send_signal(signal.SIGINT)
    async with asyncio.timeout(10):
        ended = await asyncio.to_thread(terminal.ended)
    shown = await starter("subscription", subscription_id, "--json")
    assert r"remove User Group \u202egnp" in asked
    assert "\u202e" not in ended.stdout
    assert ended.code == 130
    assert shown.document["status"] == "active"


async def test_ctrl_c_still_stops_following(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="slow", seconds=4, times=1))
    terminal = Terminal.open(starter.environment, "create", "user-group", "--group-name", "a")
    await until_struck(groups.system)
    terminal.process.send_signal(signal.SIGINT)
    assert "follow it again with" in (await asyncio.to_thread(terminal.ended)).stdout


async def test_what_is_scheduled_fits_80_columns(starter: Starter) -> None:
    created = (await starter("create", "user-group", "--group-name", "Leaving", "--json")).document
    subscription_id = created["subscription"]["subscription_id"]
    command = ("terminate", subscription_id, "--at", "2030-01-01", "--reason", "the contract ends", "--yes")
    scheduled = (await starter(*command, "--json")).document
    listed = await eventually(lambda: list_scheduled(starter, subscription_id))
    await starter("abort", scheduled["process_id"])
    short = scheduled["starts"].removeprefix("terminate_user_group-")[:8]
    assert f"2030-01-01 00:00:00 UTC {short} terminate_user_group {subscription_id[:8]} " in listed
    assert f"Terminate subscription {subscription_id}: the contract ends" in listed


async def list_scheduled(starter: Starter, subscription_id: str) -> str | None:
    """Return what is shown as scheduled on the subscription, once there is something."""
    listed = fits(
        await typed(starter, "processes", "--status", "scheduled", "--subscription", subscription_id)
    )
    return listed if subscription_id[:8] in listed else None
