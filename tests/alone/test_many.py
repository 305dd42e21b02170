"""Many processes or subscriptions are acted on by one command, on a database of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from cli.acting import send_update
from cli.connections import Connections, with_connections
from orchestrator.process.forms import OperatorNote
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import eventually
from tests.starting import Starter


@pytest.fixture
async def parked(starter: Starter, groups: FakeGroupManagement) -> Starter:
    """Three processes are parked: two for the name Security, one for Operators."""
    await groups.system.order(Fault(kind="reject", name="Security"))
    await groups.system.order(Fault(kind="reject", name="Operators"))
    for name in ("Security", "Operators", "Security"):
        await starter("create", "user-group", "--group-name", name, "--by", "bob", "--json")
    return starter


@pytest.fixture
async def different(starter: Starter, groups: FakeGroupManagement) -> list[str]:
    """Three groups; a validation has found that the first two differ outside."""
    ids = []
    for name in ("North one", "North two", "South"):
        created = await starter("create", "user-group", "--group-name", name, "--json")
        ids.append(created.document["subscription"]["subscription_id"])
    for one in ids[:2]:
        await groups.system.tamper(UUID(one), {"group_name": "other"})
        await starter("validate", one)
    return ids


async def until_parked(starter: Starter, number: int) -> None:
    async def reached() -> bool | None:
        return (await starter("status", "--json")).document["parked"] == number or None

    await eventually(reached)


async def out_of_sync(starter: Starter) -> list[str]:
    listed = (await starter("subscriptions", "--out-of-sync", "--json")).document
    return [one["subscription_id"] for one in listed]


async def test_those_with_a_reason_are_retried(parked: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.clear_faults()
    ended = await parked("retry", "--because", "'Security'", "--yes", "--json")
    assert (ended.code, len(ended.document["done"]), ended.document["refused"]) == (0, 2, [])
    await until_parked(parked, 1)
    again = await parked("retry", "--because", "'Security'", "--yes", "--json")
    assert (again.code, again.document) == (0, {"done": [], "refused": []})


async def test_the_plan_is_shown_and_nothing_is_done_without_a_yes(parked: Starter) -> None:
    ended = await parked("abort", "--because", "rejects")
    assert ended.code == 2
    assert "whether to abort 3 parked processes; give --yes" in ended.stderr
    assert "3 parked processes" in ended.stdout
    assert "group_management rejects 'Operators'" in ended.stdout
    await until_parked(parked, 3)


async def test_all_of_a_workflow_are_aborted(parked: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.clear_faults()
    none = await parked("abort", "--workflow", "modify_user_group", "--yes")
    ended = await parked("abort", "--workflow", "create_user_group", "--yes", "--reason", "wrong names")
    assert (none.code, none.stdout) == (0, "No parked process fits\n")
    assert ended.code == 0
    assert "3 accepted, 0 refused" in ended.stderr
    await until_parked(parked, 0)


@pytest.mark.parametrize(
    ("filters", "number"),
    [
        (["--step", "provision_user_group"], 3),
        (["--search", "secur create"], 2),
        (["--since", "1h", "--because", "rejects 'Oper"], 1),
        (["--since", "0s"], 0),
        (["--step", "resync"], 0),
    ],
)
async def test_the_filters_of_the_list_choose_those_to_act_on(
    parked: Starter, filters: list[str], number: int
) -> None:
    listed = await parked("processes", "--status", "parked", *filters, "--json")
    refused = await parked("give-up", *filters, "--yes", "--json")
    assert len(listed.document) == number
    assert {one["process_id"] for one in refused.document["refused"]} == {
        one["process_id"] for one in listed.document
    }


async def test_an_interrupted_command_goes_on_with_the_rest(
    parked: Starter, groups: FakeGroupManagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run again, it does nothing twice."""
    asked: list[str] = []

    async def interrupted(connections: Connections, process_id: str, update: str, note: OperatorNote) -> None:
        asked.append(process_id)
        if len(asked) == 2:
            raise asyncio.CancelledError  # as Ctrl-C does
        await send_update(connections, process_id, update, note)

    def ctrl_c(work: Callable[[Connections], Awaitable[Any]], **how: bool) -> Any:
        try:
            return with_connections(work, **how)
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None  # as `asyncio.run` does in the main thread

    await groups.system.clear_faults()
    monkeypatch.setattr("cli.many.AT_ONCE", 1)
    with monkeypatch.context() as patched:
        patched.setattr("cli.act_commands.send_update", interrupted)
        patched.setattr("cli.many.with_connections", ctrl_c)
        stopped = await parked("retry", "--because", "rejects", "--yes")
    await until_parked(parked, 2)
    again = await parked("retry", "--because", "rejects", "--yes", "--json")
    await until_parked(parked, 0)
    listed = (await parked("processes", "--json")).document
    assert stopped.code == 130
    assert "Stopped after 1 of 3; run the same command again for the rest" in stopped.stderr
    assert len(again.document["done"]) == 2
    retried = [[event["event"] for event in one["events"]].count("retried") for one in listed]
    assert retried == [1, 1, 1]


async def test_what_refuses_is_told(parked: Starter) -> None:
    ended = await parked("give-up", "--because", "'Security'", "--yes", "--json")
    assert (ended.code, ended.document["done"], len(ended.document["refused"])) == (1, [], 2)
    assert "was not aborted" in ended.document["refused"][0]["message"]


@pytest.mark.parametrize("arguments", [[], ["some-id", "--because", "rejects"], ["--yes"]])
async def test_an_id_or_a_filter_is_needed(starter: Starter, arguments: list[str]) -> None:
    ended = await starter("retry", *arguments)
    assert ended.code == 2
    assert "Give either a process id, or filters" in ended.stderr


async def test_many_subscriptions_are_set_in_sync(starter: Starter, different: list[str]) -> None:
    one, other, _ = different
    command = ("set-in-sync", "--search", "north", "--reason", "compared by hand")
    asked = await starter(*command)
    before = await out_of_sync(starter)
    ended = await starter(*command, "--yes", "--json")
    again = await starter(*command, "--yes")
    shown = await starter("subscriptions", "--search", "north", "--json")
    assert (asked.code, before) == (2, [other, one])
    assert f"  {one}: User Group North one, discrepancy found by validate_user_group-" in asked.stdout
    assert (ended.code, set(ended.document["done"]), ended.document["refused"]) == (0, {one, other}, [])
    assert (again.code, again.stdout) == (0, "No subscription fits\n")
    assert [found["insync"] for found in shown.document] == [True, True]


async def test_what_an_open_process_holds_stays_so(parked: Starter) -> None:
    ended = await parked("set-in-sync", "--product", "User Group", "--reason", "looked", "--yes", "--json")
    refused = ended.document["refused"]
    assert (ended.code, ended.document["done"]) == (1, [])
    assert {one["subscription_id"] for one in refused} == set(await out_of_sync(parked))
    assert all("has still failed processes" in one["message"] for one in refused)


async def test_setting_in_sync_needs_a_reason(starter: Starter, different: list[str]) -> None:
    for arguments in ([different[0]], ["--search", "north", "--yes"], [different[0], "--reason", " "]):
        ended = await starter("set-in-sync", *arguments)
        assert ended.code == 2
        assert "set-in-sync needs a reason" in ended.stderr
    assert len(await out_of_sync(starter)) == 2


async def test_many_active_subscriptions_are_validated(
    starter: Starter, different: list[str], groups: FakeGroupManagement
) -> None:
    for one in different[:2]:
        await groups.system.tamper(
            UUID(one), {"group_name": "North one" if one == different[0] else "North two"}
        )
    ended = await starter("validate", "--search", "north", "--yes", "--json")
    assert (ended.code, set(ended.document["done"]), ended.document["refused"]) == (0, set(different[:2]), [])

    async def all_in_sync() -> bool | None:
        return not await out_of_sync(starter) or None

    await eventually(all_in_sync)
    validated = (await starter("processes", "--workflow", "validate_user_group", "--json")).document
    assert different[2] not in {one["subscription_id"] for one in validated}


@pytest.mark.parametrize(
    "arguments",
    [[], ["--all", "--search", "x"], ["some-id", "--product", "x"], ["--search", "x", "--version", "1"]],
)
async def test_a_validation_of_many_takes_its_own_options(starter: Starter, arguments: list[str]) -> None:
    ended = await starter("validate", *arguments)
    assert ended.code == 2
    assert "Give a subscription id, or filters" in ended.stderr or "belongs to one" in ended.stderr
