"""A subscription and a process are named by an id, the beginning of one, or a description."""

from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowFailureError

from cli.meaning import AmbiguousId
from orchestrator.temporal.task_queue import TASK_QUEUE
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import eventually
from tests.starting import Starter


async def group(starter: Starter, name: str) -> tuple[str, str]:
    """Create a group; return the ids of its process and its subscription."""
    document = (await starter("create", "user-group", "--group-name", name, "--json")).document
    return document["process_id"], document["subscription"]["subscription_id"]


async def test_a_subscription_is_named_by_its_beginning(starter: Starter) -> None:
    _, wanted = await group(starter, "Old")
    short = wanted[:8]
    modified = await starter("modify", short, "--group-name", "New", "--json")
    validated = await starter("validate", short.upper(), "--json")
    in_sync = await starter("set-in-sync", short, "--reason", "looked", "--json")
    listed = await starter("processes", "--subscription", short, "--json")
    terminated = await starter("terminate", short, "--yes", "--json")
    shown = await starter("subscription", short, "--json")
    assert [one.code for one in (modified, validated, in_sync, terminated)] == [0] * 4
    assert [one["workflow"].partition("_")[0] for one in listed.document] == ["validate", "modify", "create"]
    assert (shown.document["subscription_id"], shown.document["status"]) == (wanted, "terminated")


async def test_a_subscription_is_named_by_its_description(starter: Starter) -> None:
    name = f"Support {uuid4()}"
    _, wanted = await group(starter, name)
    shown = await starter("subscription", f"User Group {name}", "--json")
    command = ["--product", "User internal", "--username", "alice", "--group", f"User Group {name}"]
    created = await starter("create", "user", *command, "--json")
    assert shown.document["subscription_id"] == wanted
    assert created.document["subscription"]["depends_on"] == [wanted]


async def test_a_user_joins_a_group_by_its_beginning(starter: Starter) -> None:
    _, first = await group(starter, "First")
    _, second = await group(starter, "Second")
    command = ["--product", "User internal", "--username", "alice", "--group", first[:8]]
    created = (await starter("create", "user", *command, "--json")).document["subscription"]
    moved = await starter("modify", created["subscription_id"], "--group", second[:8], "--json")
    assert created["depends_on"] == [first]
    assert moved.document["subscription"]["depends_on"] == [second]


async def test_a_description_of_several_is_refused(starter: Starter) -> None:
    name = f"Twins {uuid4()}"
    ids = sorted([(await group(starter, name))[1] for _ in range(2)])
    refused = await starter("terminate", f"User Group {name}", "--yes", "--json")
    statuses = [(await starter("subscription", one, "--json")).document["status"] for one in ids]
    assert (refused.code, refused.document["error"]["type"]) == (2, "AmbiguousId")
    assert f"fits several: {ids[0]}, {ids[1]}; give more" in refused.document["error"]["message"]
    assert statuses == ["active", "active"]


@pytest.mark.parametrize("text", ["ffff", "User Group of nobody", "xyz4"])
async def test_a_name_that_fits_nothing_is_not_found(starter: Starter, text: str) -> None:
    shown = await starter("subscription", text, "--json")
    modified = await starter("modify", text, "--group-name", "a", "--json")
    assert (shown.code, shown.document["error"]["type"]) == (1, "SubscriptionNotFound")
    assert (modified.code, modified.document["status"]) == (1, "refused")


async def test_a_process_is_named_by_a_part_of_its_id(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", times=3))
    process_id, _ = await group(starter, "Reserved")
    random = process_id.removeprefix("create_user_group-")
    shown = await starter("process", random[:8], "--json")
    retried = await starter("retry", f"create_user_group-{random[:8]}", "--json")
    aborted = await starter("abort", random[:13], "--json")
    given_up = await starter("give-up", random, "--json")
    older = await starter("processes", "--after", random[:8], "--json")
    assert shown.document["process_id"] == process_id
    assert [one.document["status"] for one in (retried, aborted, given_up)] == ["failed"] * 3
    assert given_up.code == 0
    assert process_id not in [one["process_id"] for one in older.document]


async def test_an_ambiguous_process_is_refused(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", times=2))
    tag = f"twins-{uuid4()}"
    for number in (1, 2):
        command = ["--group-name", "Reserved", "--process-id", f"{tag}-{number}"]
        await starter("create", "user-group", *command)
    refused = await starter("abort", tag, "--json")
    states = [(await starter("process", f"{tag}-{one}", "--json")).document for one in (1, 2)]
    assert (refused.code, refused.document["error"]["type"]) == (2, "AmbiguousId")
    assert f"{tag}-1, {tag}-2" in refused.document["error"]["message"]
    assert [(one["status"], one["ended_at"]) for one in states] == [("failed", None)] * 2


async def test_a_whole_id_wins_over_longer_ones(starter: Starter) -> None:
    tag = f"ticket-{uuid4()}"
    for process_id in (f"{tag}0", tag):
        await starter("create", "user-group", "--group-name", "a", "--process-id", process_id)
    assert (await starter("process", tag, "--json")).document["process_id"] == tag


def test_a_refusal_names_at_most_ten_candidates() -> None:
    message = str(AmbiguousId("64f7", [f"64f7-{number}" for number in range(11)]))
    assert message.count("64f7-") == 10
    assert "64f7-9 and more; give" in message


@pytest.mark.parametrize("command", ["processes", "subscriptions"])
@pytest.mark.parametrize("text", ["nobody", "9f4fa2f2-9a9e-5fe2-98b0-88ae4c8e9778"])
async def test_a_list_after_an_unknown_id_is_refused(starter: Starter, command: str, text: str) -> None:
    ended = await starter(command, "--after", text)
    assert (ended.code, ended.stdout) == (2, "")
    assert f"--after: there is no {'process' if command == 'processes' else 'subscription'}" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "option"),
    [
        (["create", "user", "--group", "one", "--group", "two"], "--group"),
        (["modify", "64f731c2", "--group-name", "a", "--group-name", "b"], "--group-name"),
        (["subscriptions", "--limit", "1", "--limit", "2"], "--limit"),
        (["schedule", "validate", "--every", "1d", "--every", "2d"], "--every"),
    ],
)
async def test_an_option_is_given_once(starter: Starter, line: list[str], option: str) -> None:
    ended = await starter(*line)
    assert ended.code == 2
    assert f"{option} is given 2 times; give it once." in ended.stderr


async def test_a_process_that_only_temporal_has_is_named(starter: Starter, client: Client) -> None:
    """Its input was refused before its first step, so the trail has no row."""
    process_id = f"create_user_group-{uuid4()}"
    handle = await client.start_workflow("create_user_group", {}, id=process_id, task_queue=TASK_QUEUE)
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    async def named() -> dict[str, Any] | None:
        shown = await starter("process", process_id.removeprefix("create_user_group-")[:13], "--json")
        document: dict[str, Any] = shown.document
        return document if shown.code == 0 else None

    assert (await eventually(named))["process_id"] == process_id
