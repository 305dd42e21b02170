"""A modify and a terminate can be scheduled, listed, moved and canceled in the terminal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.processes import Processes, eventually
from tests.starting import Starter

AT = "2030-01-01T00:00:00Z"


async def create(starter: Starter, name: str = "Leaving") -> str:
    """Create a group; return the id of its subscription."""
    created = (await starter("create", "user-group", "--group-name", name, "--json")).document
    subscription_id: str = created["subscription"]["subscription_id"]
    return subscription_id


async def terminate_later(starter: Starter, subscription_id: str, *more: str) -> dict[str, Any]:
    """Schedule a terminate for 2030; wait until it is listed."""
    scheduled = await starter("terminate", subscription_id, "--at", "2030-01-01", "--yes", "--json", *more)
    assert scheduled.code == 0, scheduled
    await eventually(lambda: is_listed(starter, subscription_id))
    document: dict[str, Any] = scheduled.document
    return document


async def listed(starter: Starter, subscription_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        await starter("processes", "--status", "scheduled", "--subscription", subscription_id, "--json")
    ).document
    return found


async def is_listed(starter: Starter, subscription_id: str) -> bool | None:
    return bool(await listed(starter, subscription_id)) or None


async def is_gone(starter: Starter, subscription_id: str) -> bool | None:
    return not await listed(starter, subscription_id) or None


async def test_a_scheduled_terminate_is_listed_everywhere(starter: Starter) -> None:
    subscription_id = await create(starter)
    scheduled = await terminate_later(starter, subscription_id, "--by", "alice", "--reason", "it ends")
    table = await starter("processes", "--status", "scheduled", "--subscription", subscription_id)
    shown = await starter("subscription", subscription_id)
    counted = (await starter("status", "--json")).document
    assert scheduled == {
        "process_id": f"later-{scheduled['starts']}",
        "starts": scheduled["starts"],
        "workflow": "terminate_user_group",
        "title": f"Terminate subscription {subscription_id}",
        "subscription_id": subscription_id,
        "at": AT,
        "by": "alice",
        "reason": "it ends",
    }
    assert await listed(starter, subscription_id) == [scheduled]
    for text in (table.stdout, shown.stdout):
        assert f"2030-01-01 00:00:00 UTC  {scheduled['process_id']}" in text
        assert "it ends" in text
    assert counted["scheduled"] >= 1
    await starter("abort", scheduled["process_id"])


async def test_a_scheduled_terminate_is_canceled(starter: Starter) -> None:
    subscription_id = await create(starter)
    scheduled = await terminate_later(starter, subscription_id)
    shown = await starter("process", scheduled["process_id"])
    document = (await starter("process", scheduled["process_id"], "--json")).document
    aborted = await starter("abort", scheduled["starts"], "--reason", "they stay", "--json")
    await eventually(lambda: is_gone(starter, subscription_id))
    after = await starter("process", scheduled["process_id"], "--json")
    subscription = (await starter("subscription", subscription_id, "--json")).document
    assert "scheduled" in shown.stdout
    assert "Due: 2030-01-01 00:00:00 UTC" in shown.stdout
    assert f"starter.py move {scheduled['process_id']} --at TIME" in shown.stdout
    assert (document["status"], document["target"]) == ("scheduled", "TERMINATE")
    assert (document["scheduled"], document["subscription_id"]) == (scheduled, subscription_id)
    assert (aborted.code, aborted.document["status"]) == (0, "aborted")
    assert aborted.document["process_id"] == scheduled["process_id"]
    assert after.document["status"] == "aborted"
    assert (subscription["status"], subscription["insync"]) == ("active", True)


async def test_a_scheduled_terminate_is_moved(starter: Starter) -> None:
    subscription_id = await create(starter)
    scheduled = await terminate_later(starter, subscription_id)
    later = await starter("move", scheduled["starts"][-36:][:8], "--at", "2031-02-03T04:05+02:00", "--json")
    again = await starter("move", scheduled["starts"], "--at", "2020-01-01", "--json")
    neither = await starter("move", scheduled["starts"], "--json")
    await starter("abort", scheduled["process_id"])
    ended = await starter("move", scheduled["process_id"], "--at", "2030-01-01", "--json")
    assert (later.code, later.document) == (0, scheduled | {"at": "2031-02-03T02:05:00Z"})
    assert (again.code, again.document["error"]["type"]) == (2, "InvalidInput")
    assert "2020-01-01 00:00:00 UTC has passed" in again.document["error"]["message"]
    assert (neither.code, neither.document["error"]["message"]) == (2, "Give either --at or --in")
    assert (ended.code, ended.document["error"]["type"]) == (1, "NotOpen")


async def test_a_scheduled_modify_changes_the_values_when_due(starter: Starter, processes: Processes) -> None:
    subscription_id = await create(starter, "Old")
    command = ("modify", subscription_id, "--group-name", "New", "--process-id", f"rename-{subscription_id}")
    scheduled = await starter(*command, "--in", "30d", "--by", "alice", "--json")
    again = await starter(*command, "--in", "30d", "--json")
    await starter("move", scheduled.document["process_id"], "--in", "1s")
    handle = processes.client.get_workflow_handle(scheduled.document["process_id"])
    await handle.result()
    followed = await starter("process", f"rename-{subscription_id}", "--follow", "--json")
    about = await starter("process", scheduled.document["process_id"])
    changed = (await starter("subscription", subscription_id, "--json")).document
    taken = await starter(*command, "--in", "30d", "--json")
    due = datetime.fromisoformat(scheduled.document["at"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < due <= timedelta(days=30)
    assert (again.code, again.document["error"]["type"]) == (1, "ProcessAlreadyExists")
    assert f'"later-rename-{subscription_id}" already exists' in again.document["error"]["message"]
    assert (followed.code, followed.document["created_by"]) == (0, "alice")
    assert changed["user_group"]["group_name"] == "New"
    assert f"as rename-{subscription_id}" in about.stdout
    assert (taken.code, taken.document["error"]["type"]) == (1, "ProcessAlreadyExists")
    assert f'"rename-{subscription_id}" already exists' in taken.document["error"]["message"]


async def test_what_the_gate_says_now_is_only_a_warning(starter: Starter) -> None:
    subscription_id = await create(starter)
    scheduled = await starter("terminate", subscription_id, "--version", "7", "--in", "1d", "--yes", "--json")
    assert scheduled.code == 0
    assert "If it started now, it would be refused: Stale data: given version (7)" in scheduled.stderr
    await starter("abort", scheduled.document["process_id"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--at", "2020-01-01"), "2020-01-01 00:00:00 UTC has passed (now: "),
        (("--at", "tomorrow"), "--at: 'tomorrow' is not a time; give a date or a time such as 2027-01-01 or"),
        (("--at", "2030-02-30"), "'2030-02-30' is not a time"),
        (("--at", "1893456000"), "'1893456000' is not a time"),
        (("--at", "9999-01-01"), "9999-01-01 00:00:00 UTC is more than 10 years ahead"),
        (
            ("--in", "1y"),
            "--in: '1y' is not a duration up to 3660d; give a number and s, m, h or d, like 30d",
        ),
        (("--in", "0d"), " UTC has passed (now: "),
        (("--in", "99999999d"), "'99999999d' is not a duration up to 3660d"),
        (("--in", "1d", "--at", "2030-01-01"), "Give either --at or --in"),
        (("--in", "1d", "--process-id", "x" * 201), "process_id string should have at most 200 characters"),
    ],
)
async def test_a_wrong_time_schedules_nothing(
    starter: Starter, options: tuple[str, ...], message: str
) -> None:
    subscription_id = await create(starter)
    ended = await starter("terminate", subscription_id, "--yes", "--json", *options)
    assert (ended.code, ended.document["error"]["type"]) == (2, "InvalidInput")
    assert message in ended.document["error"]["message"]
    assert await listed(starter, subscription_id) == []


async def test_only_what_is_there_can_be_scheduled(starter: Starter) -> None:
    nobody = "00000000-0000-0000-0000-000000000007"
    ended = await starter("terminate", nobody, "--in", "1d", "--yes", "--json")
    unasked = await starter("terminate", await create(starter), "--in", "1d")
    assert (ended.code, ended.document["error"]["type"]) == (1, "SubscriptionNotFound")
    assert (unasked.code, "give --yes" in unasked.stderr) == (2, True)


async def test_a_scheduled_start_is_not_a_process(starter: Starter) -> None:
    subscription_id = await create(starter)
    scheduled = await terminate_later(starter, subscription_id)
    created = (await starter("processes", "--subscription", subscription_id, "--json")).document
    retried = await starter("retry", scheduled["process_id"], "--json")
    moved = await starter("move", created[0]["process_id"], "--in", "1d", "--json")
    lost = (await starter("reconcile", "--json")).document
    paged = await starter("processes", "--status", "scheduled", "--after", "x", "--json")
    await starter("abort", scheduled["process_id"])
    assert (retried.code, retried.document["error"]["type"]) == (1, "NotParked")
    assert f"starter.py move {scheduled['process_id']}" in retried.document["error"]["message"]
    assert (moved.code, moved.document["error"]["type"]) == (1, "NotScheduled")
    assert scheduled["process_id"] not in lost["lost"]
    assert [one["workflow"] for one in created] == ["create_user_group"]
    assert (paged.code, "only --subscription and --limit go" in paged.document["error"]["message"]) == (
        2,
        True,
    )


async def test_a_start_that_was_terminated_in_temporal_is_over(
    starter: Starter, processes: Processes
) -> None:
    scheduled = await terminate_later(starter, await create(starter))
    await processes.client.get_workflow_handle(scheduled["process_id"]).terminate("by mistake")
    shown = (await starter("process", scheduled["process_id"], "--json")).document
    assert (shown["status"], shown["failed_reason"]) == ("aborted", "Its execution in Temporal: terminated")


async def test_the_next_start_is_listed_first(starter: Starter) -> None:
    subscription_id = await create(starter)
    for days in ("30d", "10d", "20d"):
        await starter("terminate", subscription_id, "--in", days, "--yes")
    found = await eventually(lambda: three(starter, subscription_id))
    first = await starter(
        "processes", "--status", "scheduled", "--subscription", subscription_id, "--limit", "1", "--json"
    )
    for one in found:
        await starter("abort", one["process_id"])
    assert [one["at"] for one in found] == sorted(one["at"] for one in found)
    assert first.document == found[:1]


async def three(starter: Starter, subscription_id: str) -> list[dict[str, Any]] | None:
    found = await listed(starter, subscription_id)
    return found if len(found) == 3 else None
