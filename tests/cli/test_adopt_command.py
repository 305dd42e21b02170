"""Adopt what was done by hand, and try now what waits for its next attempt."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from orchestrator.domain.process import created_subscription_id
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.cli.test_process_command import until_retried
from tests.processes import until_struck
from tests.starting import Starter


async def begin(starter: Starter) -> str:
    """Start to create a group, and do not wait; return the id of the process."""
    started = await starter("create", "user-group", "--group-name", "Reserved", "--no-wait", "--json")
    process_id: str = started.document["process_id"]
    return process_id


async def made_by_hand(groups: FakeGroupManagement, subscription_id: UUID, name: str) -> None:
    await groups.system.clear_faults()
    await groups.provision_group(subscription_id, name, token=1)


async def test_adopt_goes_on_with_what_is_there(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject"))
    process_id = await begin(starter)
    await starter("process", process_id, "--follow")
    await made_by_hand(groups, created_subscription_id(process_id), "Reserved")
    await groups.system.order(Fault(kind="reject"))
    adopted = await starter("adopt", process_id, "--by", "alice", "--reason", "made by hand", "--json")
    assert (adopted.code, adopted.document["status"]) == (0, "completed")
    events = (await starter("process", process_id, "--json")).document["events"]
    assert [(one["event"], one["by"]) for one in events] == [("parked", None), ("adopted", "alice")]


async def test_adopt_refuses_if_nothing_is_there(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject"))
    process_id = await begin(starter)
    await starter("process", process_id, "--follow")
    refused = await starter("adopt", process_id, "--json")
    assert (refused.code, refused.document["error"]["type"]) == (1, "NothingToAdopt")


async def test_a_step_that_is_adopted_ends_at_once(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="answer lost", times=3))
    process_id = await begin(starter)
    await until_struck(groups.system)
    await until_retried(starter, process_id)
    adopted = await starter("adopt", process_id, "--json")
    [step] = [one for one in await steps(starter, process_id) if one["title"] == "Provision user group"]
    assert adopted.document["status"] == "completed"
    assert step["attempts"] == 1  # counted anew by the attempt that was made at once


async def test_retry_makes_the_next_attempt_now(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="unreachable"))
    process_id = await begin(starter)
    await until_retried(starter, process_id)
    await groups.system.clear_faults()
    retried = await starter("retry", process_id, "--by", "alice", "--reason", "it is back", "--json")
    [step] = [one for one in await steps(starter, process_id) if one["name"] == "provision_user_group"]
    [event] = (await starter("process", process_id, "--json")).document["events"]
    assert (retried.code, retried.document["status"], step["attempts"]) == (0, "completed", 1)
    assert (event["event"], event["by"]) == ("noted", "alice")
    assert event["reason"] == "next attempt made at once: it is back"


async def test_a_process_says_when_it_tries_again(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="unreachable"))
    process_id = await begin(starter)
    await until_retried(starter, process_id)
    at = [one["next_attempt_at"] for one in await steps(starter, process_id)]
    shown = await starter("process", process_id)
    assert at[:-1] == [None, None, None]
    assert abs((datetime.fromisoformat(at[-1]) - datetime.now(UTC)).total_seconds()) < 600
    assert "Provision user group is tried again at" in shown.stdout
    await groups.system.clear_faults()
    await starter("retry", process_id)


async def test_a_process_that_works_is_not_retried(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="slow", seconds=3, times=1))
    process_id = await begin(starter)
    refused = await starter("retry", process_id, "--json")
    assert (refused.code, refused.document["error"]["type"]) == (1, "NotParked")


async def steps(starter: Starter, process_id: str) -> list[dict[str, Any]]:
    document = (await starter("process", process_id, "--json")).document
    found: list[dict[str, Any]] = document["steps"]
    return found
