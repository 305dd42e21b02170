"""What `process` says: the exit code, the next step, events, totals and attempts."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import PauseActivityRequest, UnpauseActivityRequest
from temporalio.client import Client, WorkflowFailureError

from orchestrator.temporal.task_queue import TASK_QUEUE
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import eventually
from tests.starting import Starter


async def create(starter: Starter, name: str = "Reserved") -> tuple[str, str]:
    """Create a group; return the ids of its process and its subscription."""
    document = (await starter("create", "user-group", "--group-name", name, "--json")).document
    return document["process_id"], document["subscription"]["subscription_id"]


ALL = ("--limit", "1000")
"""Other tests leave rows that are newer than now."""


async def listed_process(starter: Starter, process_id: str) -> dict[str, Any]:
    """Return the process as a list shows it."""
    document = (await starter("process", process_id, "--json")).document
    about = document["subscription_id"]
    listed = (await starter("processes", "--subscription", about, "--json")).document
    return next(one for one in listed if one["process_id"] == process_id)


async def until_retried(starter: Starter, process_id: str) -> None:
    """Wait until a step waits for its next attempt."""

    async def retrying() -> bool | None:
        steps = (await starter("process", process_id, "--json")).document["steps"]
        return True if steps and steps[-1]["status"] == "retrying" else None

    await eventually(retrying)


async def test_following_a_completed_process_exits_0(starter: Starter) -> None:
    process_id, _ = await create(starter, "a")
    assert (await starter("process", process_id, "--follow")).code == 0


async def test_following_exits_1_unless_the_process_completes(
    starter: Starter, groups: FakeGroupManagement, client: Client
) -> None:
    await groups.system.order(Fault(kind="reject", times=2))
    aborted, lost = [(await create(starter))[0] for _ in range(2)]
    parked = await starter("process", aborted, "--follow", "--json")
    await starter("abort", aborted)
    await client.get_workflow_handle(lost).terminate("by mistake")
    ended = [await starter("process", one, "--follow", "--json") for one in (aborted, lost)]
    assert (parked.code, parked.document["status"]) == (1, "failed")
    assert [(one.code, one.document["status"]) for one in ended] == [(1, "aborted"), (1, "lost")]
    assert (await starter("process", aborted)).code == 0


@pytest.mark.parametrize("following", [[], ["--follow"]])
async def test_a_lost_process_says_what_to_do(
    starter: Starter, groups: FakeGroupManagement, client: Client, following: list[str]
) -> None:
    await groups.system.order(Fault(kind="reject", times=1))
    process_id, subscription_id = await create(starter)
    await client.get_workflow_handle(process_id).terminate("by mistake")
    shown = await starter("process", process_id, *following)
    retried = await starter("retry", process_id)
    await starter("reconcile")
    reconciled = await starter("process", process_id, *following)
    why = await starter("subscriptions", "--out-of-sync", *ALL)
    await starter("set-in-sync", subscription_id, "--reason", "looked")
    mended = await starter("process", process_id, *following)
    for told in (shown.stdout, reconciled.stdout, retried.stderr):
        assert "lost" in told
        assert "starter.py reconcile" in told
        assert f"starter.py set-in-sync {subscription_id}" in told
    assert "Parked" not in shown.stdout
    assert f"held by {process_id}, lost" in why.stdout
    assert "starter.py set-in-sync" not in mended.stdout


async def test_a_discrepancy_says_what_to_do(starter: Starter, groups: FakeGroupManagement) -> None:
    _, subscription_id = await create(starter, "Here")
    await groups.system.tamper(UUID(subscription_id), {"group_name": "There"})
    found = await starter("validate", subscription_id, "--json")
    process_id = found.document["process_id"]
    shown = await starter("process", process_id)
    listed = await starter("processes", "--status", "discrepancy", *ALL, "--json")
    parked = await starter("processes", "--status", "parked", *ALL, "--json")
    why = await starter("subscriptions", "--out-of-sync", *ALL)
    forgotten = await starter("set-in-sync", subscription_id, "--reason", "looked")
    again = await starter("set-in-sync", subscription_id, "--reason", "looked")
    assert f"starter.py validate {subscription_id}" in shown.stdout
    assert process_id in [one["process_id"] for one in listed.document]
    assert process_id not in [one["process_id"] for one in parked.document]
    assert f"discrepancy found by {process_id}" in why.stdout
    assert f"Set in sync: the discrepancy that {process_id} found is forgotten" in forgotten.stderr
    assert "It was in sync already; nothing was changed" in again.stderr


async def test_a_given_up_process_says_what_to_do(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", times=2))
    process_id, subscription_id = await create(starter)
    await starter("abort", process_id)
    given_up = await starter("give-up", process_id)
    why = await starter("subscriptions", "--out-of-sync", *ALL)
    unlocked = await starter("set-in-sync", subscription_id, "--reason", "looked")
    assert f"starter.py set-in-sync {subscription_id}" in given_up.stdout
    assert f"held by {process_id}, given up" in why.stdout
    assert f"Set in sync: {process_id} no longer holds it" in unlocked.stderr


async def test_a_paused_activity_is_shown_as_paused(
    starter: Starter, groups: FakeGroupManagement, client: Client
) -> None:
    await groups.system.order(Fault(kind="unreachable"))
    started = await starter("create", "user-group", "--group-name", "a", "--no-wait")
    process_id = started.stdout.strip()
    await until_retried(starter, process_id)
    execution = WorkflowExecution(workflow_id=process_id)
    service, name = client.workflow_service, "provision_user_group"
    await service.pause_activity(
        PauseActivityRequest(namespace=client.namespace, execution=execution, type=name, reason="a test")
    )

    async def paused() -> str | None:
        shown = (await starter("process", process_id)).stdout
        return shown if "‖ paused" in shown else None

    shown = await eventually(paused)
    await groups.system.clear_faults()
    await service.unpause_activity(
        UnpauseActivityRequest(namespace=client.namespace, execution=execution, type=name)
    )
    assert "Provision user group is paused in Temporal: unpause" in shown
    assert (await starter("process", process_id, "--follow")).code == 0


async def test_the_attempts_of_an_aborted_step_are_the_same_everywhere(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    """Temporal does not keep the attempts of an activity that is canceled between two of them."""
    await groups.system.order(Fault(kind="unreachable"))
    started = await starter("create", "user-group", "--group-name", "a", "--no-wait")
    process_id = started.stdout.strip()
    await until_retried(starter, process_id)
    await starter("abort", process_id, "--no-wait")
    await groups.system.clear_faults()
    await starter("process", process_id, "--follow")
    document = (await starter("process", process_id, "--json")).document
    listed = await listed_process(starter, process_id)
    shown = (await starter("process", process_id)).stdout
    attempts = {step["title"]: step["attempts"] for step in document["steps"]}
    [line] = [line for line in shown.splitlines() if "∅ canceled" in line]
    assert document["status"] == "aborted"
    assert attempts["Provision user group"] is None
    assert line.split("∅ canceled")[1].split()[0] == "-"
    assert listed["steps"] == document["steps"]


async def test_json_says_who_did_what_to_a_process(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", times=3))
    process_id, _ = await create(starter)
    note = ("--by", "bob", "--reason", "system repaired")
    await starter("retry", process_id, *note)
    await starter("abort", process_id, *note)
    await starter("give-up", process_id, *note)
    document = (await starter("process", process_id, "--json")).document
    listed = await listed_process(starter, process_id)
    events = document["events"]
    assert [list(event) for event in events] == [["event", "step", "by", "reason", "at"]] * 6
    assert [(event["event"], event["by"]) for event in events if event["event"] != "parked"] == [
        ("retried", "bob"),
        ("abort requested", None),
        ("given up", "bob"),
    ]
    assert [event["reason"] for event in events if event["event"] == "abort requested"] == [
        "bob: system repaired"
    ]
    assert listed["events"] == events
    assert document["totals"] is None


async def test_an_unknown_product_is_refused_without_a_process(starter: Starter) -> None:
    _, group_id = await create(starter, "a")
    process_id = f"teapot-{uuid4()}"
    command = ["--product", "Teapot", "--username", "alice", "--group", group_id, "--process-id", process_id]
    ended = await starter("create", "user", *command, "--json")
    shown = await starter("process", process_id, "--json")
    assert (ended.code, ended.document["process_id"]) == (1, None)
    assert ended.document["error"]["type"] == "ProductNotFound"
    assert shown.document["error"]["type"] == "ProcessNotFound"


async def test_a_group_does_not_list_terminated_users(starter: Starter) -> None:
    _, group_id = await create(starter, "a")
    command = ["--product", "User internal", "--username", "alice", "--group", group_id]
    user = (await starter("create", "user", *command, "--json")).document["subscription"]
    before = (await starter("subscription", group_id, "--json")).document
    await starter("terminate", user["subscription_id"], "--yes")
    after = (await starter("subscription", group_id, "--json")).document
    listed = (await starter("subscriptions", "--product", "User internal", *ALL, "--json")).document
    assert (before["in_use_by"], after["in_use_by"]) == ([user["subscription_id"]], [])
    assert [group_id] in [one["depends_on"] for one in listed]


async def test_an_id_that_is_used_again_shows_the_first_process(
    starter: Starter, groups: FakeGroupManagement, client: Client
) -> None:
    """The Web UI fills in the used id for "Start Workflow Like This One"."""
    process_id, _ = await create(starter, "a")
    before = (await starter("process", process_id, "--json")).document
    again = await client.start_workflow(
        "create_user_group", {"group_name": "a"}, id=process_id, task_queue=TASK_QUEUE
    )
    with pytest.raises(WorkflowFailureError):
        await again.result()
    assert (await starter("process", process_id, "--json")).document == before
    assert (await starter("process", process_id, "--follow", "--json")).document == before
    assert await listed_process(starter, process_id) == before


async def test_a_parked_process_shows_what_was_requested(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Security"))
    process_id, _ = await create(starter, "Security")
    document = (await starter("process", process_id, "--json")).document
    parked = (await starter("process", process_id)).stdout
    await starter("retry", process_id, "--group-name", "Security team")
    completed = (await starter("process", process_id)).stdout
    assert document["requested"] == {"group_name": "Security"}
    assert "Requested: group_name: Security\n" in parked
    assert "Requested" not in completed


async def test_a_step_is_named_by_its_title_or_refused(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject"))
    process_id, _ = await create(starter)
    about = (await starter("process", process_id, "--json")).document["subscription_id"]
    filters = ("processes", "--subscription", about, "--json", "--step")
    named = [await starter(*filters, name) for name in ("provision user GROUP", "provision_user_group")]
    elsewhere, unknown = await starter(*filters, "resync"), await starter(*filters, "provide")
    assert [[one["process_id"] for one in ended.document] for ended in named] == [[process_id]] * 2
    assert elsewhere.document == []
    assert (unknown.code, unknown.document["error"]["type"]) == (2, "InvalidInput")
    assert "There is no step 'provide'; give one of check_user" in unknown.document["error"]["message"]


async def test_a_list_without_rows_says_so(starter: Starter) -> None:
    listed = await starter("processes", "--subscription", str(uuid4()))
    assert listed.stderr.endswith("Nothing fits.\n")
