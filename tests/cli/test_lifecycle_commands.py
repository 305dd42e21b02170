"""Commands that modify, terminate, validate and repair subscriptions, and that act on processes."""

import asyncio
import signal

from temporalio.client import Client

from orchestrator.database.connection import Pool
from orchestrator.database.external_systems import store_openers
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import Endpoints
from tests.processes import Processes
from tests.starting import Starter
from worker import open_worker


async def test_a_group_is_changed_validated_and_terminated(starter: Starter) -> None:
    created = (await starter("create", "user-group", "--group-name", "Old", "--json")).document
    subscription_id = created["subscription"]["subscription_id"]
    modified = await starter("modify", subscription_id, "--group-name", "New", "--version", "1", "--json")
    validated = await starter("validate", subscription_id, "--json")
    terminated = await starter("terminate", subscription_id, "--yes", "--json")
    assert [one.code for one in (modified, validated, terminated)] == [0, 0, 0]
    assert modified.document["subscription"]["user_group"]["group_name"] == "New"
    assert modified.document["subscription"]["version"] == 2
    assert validated.document["status"] == "completed"
    assert terminated.document["subscription"]["status"] == "terminated"


async def test_a_process_that_the_gate_refuses_is_not_started(starter: Starter) -> None:
    created = (await starter("create", "user-group", "--group-name", "Old", "--json")).document
    subscription_id = created["subscription"]["subscription_id"]
    ended = await starter("modify", subscription_id, "--group-name", "New", "--version", "7", "--json")
    trail = await starter("processes", "--subscription", subscription_id, "--json")
    assert ended.code == 1
    assert (ended.document["process_id"], ended.document["status"]) == (None, "refused")
    assert ended.document["error"]["type"] == "StaleVersion"
    assert ended.document["subscription"] == created["subscription"]
    assert [one["process_id"] for one in trail.document] == [created["process_id"]]


async def test_terminate_needs_a_confirmation(starter: Starter) -> None:
    created = (await starter("create", "user-group", "--group-name", "Old", "--json")).document
    subscription_id = created["subscription"]["subscription_id"]
    ended = await starter("terminate", subscription_id)
    shown = await starter("subscription", subscription_id, "--json")
    assert ended.code == 2
    assert "give --yes" in ended.stderr
    assert shown.document["status"] == "active"


async def test_set_in_sync_is_refused_while_the_holder_is_open(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    parked = (await starter("create", "user-group", "--group-name", "Reserved", "--json")).document
    subscription_id = parked["subscription"]["subscription_id"]
    ended = await starter("set-in-sync", subscription_id, "--reason", "looked", "--json")
    assert (ended.code, ended.document["error"]["type"]) == (1, "HolderIsOpen")
    assert ended.document["error"]["message"].startswith(
        f"Subscription {subscription_id} has still failed processes with id's: ['{parked['process_id']}']"
    )


async def test_a_process_terminated_in_temporal_is_found_and_repaired(
    starter: Starter, groups: FakeGroupManagement, client: Client
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    parked = (await starter("create", "user-group", "--group-name", "Reserved", "--json")).document
    await client.get_workflow_handle(parked["process_id"]).terminate("by mistake")
    lost = await starter("reconcile", "--json")
    shown = await starter("process", parked["process_id"], "--json")
    mended = await starter(
        "set-in-sync",
        parked["subscription"]["subscription_id"],
        "--by",
        "dave",
        "--reason",
        "looked",
        "--json",
    )
    trail = await starter("process", parked["process_id"])
    assert parked["process_id"] in lost.document["lost"]
    assert (shown.document["status"], shown.document["failed_reason"]) == (
        "lost",
        "Its execution in Temporal: terminated",
    )
    assert (mended.code, mended.document["subscription"]["insync"]) == (0, True)
    assert "set in sync by dave" in trail.stdout


async def test_set_in_sync_is_refused_while_the_system_is_away(
    starter: Starter, groups: FakeGroupManagement, client: Client
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    parked = (await starter("create", "user-group", "--group-name", "Reserved", "--json")).document
    await client.get_workflow_handle(parked["process_id"]).terminate("by mistake")
    subscription_id = parked["subscription"]["subscription_id"]
    await groups.system.order(Fault(kind="unreachable", times=1))
    refused = await starter("set-in-sync", subscription_id, "--reason", "looked", "--json")
    mended = await starter("set-in-sync", subscription_id, "--reason", "looked", "--json")
    assert (refused.code, refused.document["error"]["type"]) == (1, "NotFenced")
    assert "group_management cannot be reached" in refused.document["error"]["message"]
    assert (mended.code, mended.document["subscription"]["insync"]) == (0, True)


async def test_a_process_terminated_in_temporal_takes_no_action(
    starter: Starter, groups: FakeGroupManagement, client: Client
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    parked = (await starter("create", "user-group", "--group-name", "Reserved", "--json")).document
    process_id = parked["process_id"]
    await client.get_workflow_handle(process_id).terminate("by mistake")
    shown = await starter("process", process_id)
    assert "Its execution in Temporal: terminated" in shown.stdout
    assert "starter.py retry" not in shown.stdout
    for action in ("retry", "give-up", "abort"):
        refused = await starter(action, process_id, "--json")
        assert (refused.code, refused.document["error"]["type"]) == (1, "NotOpen")
        assert (
            f"set-in-sync {parked['subscription']['subscription_id']}" in refused.document["error"]["message"]
        )


async def test_set_in_sync_refuses_another_system_than_the_workers(
    starter: Starter, groups: FakeGroupManagement, client: Client, pool: Pool
) -> None:
    """A shell without the workers' variables would tell the fake, and late calls reach the real system."""
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    parked = (await starter("create", "user-group", "--group-name", "Reserved", "--json")).document
    await client.get_workflow_handle(parked["process_id"]).terminate("by mistake")
    subscription_id = parked["subscription"]["subscription_id"]
    async with pool.acquire() as connection:
        await store_openers(connection, {"group_management": "ours:open"})
    refused = await starter("set-in-sync", subscription_id, "--reason", "looked", "--json")
    await pool.execute("DELETE FROM external_systems")
    mended = await starter("set-in-sync", subscription_id, "--reason", "looked", "--json")
    assert (refused.code, refused.document["error"]["type"]) == (1, "NotFenced")
    assert "run with GROUP_MANAGEMENT=ours:open" in refused.document["error"]["message"]
    assert (mended.code, mended.document["subscription"]["insync"]) == (0, True)


async def test_a_parked_process_is_retried_and_completes(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved", times=1))
    parked = (await starter("create", "user-group", "--group-name", "Reserved", "--json")).document
    retried = await starter("retry", parked["process_id"], "--by", "bob", "--reason", "name freed", "--json")
    shown = await starter("process", parked["process_id"])
    again = await starter("retry", parked["process_id"], "--json")
    assert (retried.code, retried.document["status"], retried.document["error"]) == (0, "completed", None)
    assert "retried by bob at provision_user_group: name freed" in shown.stdout
    assert (again.code, again.document["error"]["type"]) == (1, "NotOpen")


async def test_a_parked_process_is_aborted_and_rolled_back(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved", times=1))
    parked = (await starter("create", "user-group", "--group-name", "Reserved", "--json")).document
    aborted = await starter(
        "abort", parked["process_id"], "--by", "carol", "--reason", "wrong name", "--json"
    )
    shown = await starter("process", parked["process_id"])
    assert (aborted.code, aborted.document["status"], aborted.document["error"]) == (0, "aborted", None)
    assert aborted.document["subscription"]["status"] == "terminated"
    assert aborted.document["subscription"]["insync"] is True
    assert "abort requested at provision_user_group: carol: wrong name" in shown.stdout


async def test_a_roll_back_that_fails_is_given_up(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", times=2))
    parked = (await starter("create", "user-group", "--group-name", "Reserved", "--json")).document
    aborted = await starter("abort", parked["process_id"], "--json")
    given_up = await starter("give-up", parked["process_id"], "--reason", "removed by hand", "--json")
    assert (aborted.code, aborted.document["status"]) == (1, "failed")
    assert (given_up.code, given_up.document["status"]) == (0, "failed")
    assert given_up.document["subscription"]["held_by"] == parked["process_id"]


async def test_a_parked_roll_back_cannot_be_aborted_again(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", times=2))
    parked = (await starter("create", "user-group", "--group-name", "Reserved", "--json")).document
    process_id = parked["process_id"]
    before = await starter("process", process_id)
    aborted = await starter("abort", process_id)
    again = await starter("abort", process_id, "--json")
    retried = await starter("retry", process_id, "--json")
    late = await starter("abort", process_id, "--json")
    program = "  python starter.py"
    ways = [f"{program} {way} {process_id}\n" for way in ("retry", "adopt", "abort", "give-up")]
    assert "\n" + "".join(ways[:3]) in before.stdout
    assert "\n" + "".join((*ways[:2], ways[3])) in aborted.stdout
    assert (again.code, again.document["error"]["type"]) == (1, "AlreadyAborted")
    assert "give-up" in again.document["error"]["message"]
    assert retried.document["status"] == "aborted"
    assert (late.code, late.document["error"]["type"]) == (1, "NotOpen")


async def test_a_terminate_that_is_aborted_too_late_completes(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    created = (await starter("create", "user-group", "--group-name", "Leaving", "--json")).document
    subscription_id = created["subscription"]["subscription_id"]
    await groups.system.order(Fault(kind="reject", times=1))
    parked = await starter("terminate", subscription_id, "--yes", "--json")
    aborted = await starter("abort", parked.document["process_id"], "--json")
    assert aborted.document["subscription"]["status"] == "terminated"
    assert (aborted.code, aborted.document["error"]["type"]) == (1, "TooLate")
    assert "came too late" in aborted.document["error"]["message"]


async def test_a_stuck_terminate_can_be_given_up_and_repeated(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    created = (await starter("create", "user-group", "--group-name", "Staying", "--json")).document
    subscription_id = created["subscription"]["subscription_id"]
    await groups.system.order(Fault(kind="reject"))
    parked = await starter("terminate", subscription_id, "--yes", "--json")
    process_id = parked.document["process_id"]
    aborted = await starter("abort", process_id)
    given_up = await starter("give-up", process_id, "--json")
    mended = await starter("set-in-sync", subscription_id, "--reason", "looked", "--json")
    trail = await starter("process", process_id)
    await groups.system.clear_faults()
    ended = await starter("terminate", subscription_id, "--yes", "--json")
    assert f"starter.py give-up {process_id}" in aborted.stdout
    assert (given_up.code, given_up.document["status"]) == (0, "failed")
    assert (mended.code, mended.document["subscription"]["insync"]) == (0, True)
    assert "set in sync by" in trail.stdout
    assert "at None" not in trail.stdout
    assert (ended.code, ended.document["subscription"]["status"]) == (0, "terminated")


async def test_ctrl_c_in_a_waiting_retry_names_the_process(
    client: Client,
    endpoints: Endpoints,
    processes: Processes,
    groups: FakeGroupManagement,
    starter_without_worker: Starter,
) -> None:
    await groups.system.order(Fault(kind="reject", times=1))
    async with open_worker(client, endpoints, task_queue=processes.task_queue) as worker, worker:
        handle = await processes.create_user_group()
        await processes.until_parked(handle)
    program = await starter_without_worker.program.start("retry", handle.id)
    await asyncio.sleep(5)  # the waiting update cannot be observed from outside
    program.send_signal(signal.SIGINT)
    _, stderr = await program.communicate()
    assert "Traceback" not in stderr.decode()
    assert f"starter.py process {handle.id} --follow" in stderr.decode()
    assert program.returncode == 130


async def test_a_parked_process_is_retried_with_another_value(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    parked = (await starter("create", "user-group", "--group-name", "Reserved", "--json")).document
    refused = await starter("retry", parked["process_id"], "--age", "43", "--json")
    ended = await starter("retry", parked["process_id"], "--group-name", "Free", "--json")
    assert (refused.code, refused.document["error"]["type"]) == (1, "InvalidInput")
    assert "age cannot be corrected; give group_name" in refused.document["error"]["message"]
    assert (ended.code, ended.document["status"]) == (0, "completed")
    assert ended.document["subscription"]["user_group"]["group_name"] == "Free"
