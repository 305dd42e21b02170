"""The command line: what it starts and what it shows."""

import getpass
import json
from uuid import uuid4

import pytest

from cli.commands import run
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.starting import Starter

SUBSCRIPTION = [
    "subscription_id", "product", "customer_id", "description", "status", "insync", "held_by",
    "discrepancy_found_by", "start_date", "end_date", "note", "version", "user_group", "in_use_by",
    "depends_on", "notes",
]  # fmt: skip
PROCESS = [
    "process_id", "workflow", "target", "subscription_id", "status", "created_by", "reason", "started_at",
    "ended_at", "last_step", "failed_reason", "imported_at", "requested", "steps", "events",
    "scheduled", "totals", "changes", "link",
]  # fmt: skip


async def test_create_prints_the_document_of_the_contract(starter: Starter) -> None:
    ended = await starter.program("create", "user-group", "--group-name", "Network operators", "--json")
    document = ended.document
    subscription = document["subscription"]
    assert ended.code == 0
    assert list(document) == ["process_id", "status", "subscription", "error", "link"]
    assert (document["status"], document["error"]) == ("completed", None)
    assert list(subscription) == SUBSCRIPTION
    assert subscription["product"] == {
        "name": "User Group",
        "type": "UserGroup",
        "tag": "GROUP",
        "description": "user group administration",
    }
    assert subscription["user_group"]["group_name"] == "Network operators"
    assert (subscription["status"], subscription["insync"]) == ("active", True)
    assert (subscription["in_use_by"], subscription["depends_on"]) == ([], [])


async def test_create_shows_every_step(starter: Starter) -> None:
    ended = await starter("create", "user-group", "--group-name", "Network operators")
    for title in (
        "Create subscription",
        "Initialize subscription",
        "Provision user group",
        "Unlock subscription",
    ):
        assert title in ended.stdout
    assert "active" in ended.stdout
    assert ended.code == 0


async def test_the_trail_names_the_login_name_by_default(
    starter: Starter,
) -> None:
    by_default = await starter("create", "user-group", "--group-name", "a", "--json")
    told = await starter(
        "create", "user-group", "--group-name", "b", "--by", "alice", "--reason", "ticket 1", "--json"
    )
    shown = [
        (await starter("process", ended.document["process_id"], "--json")).document
        for ended in (by_default, told)
    ]
    assert [process["created_by"] for process in shown] == [getpass.getuser(), "alice"]
    assert [process["reason"] for process in shown] == [None, "ticket 1"]


async def test_process_shows_the_steps_with_status_attempts_and_times(starter: Starter) -> None:
    created = await starter("create", "user-group", "--group-name", "a", "--json")
    ended = await starter("process", created.document["process_id"], "--json")
    document = ended.document
    assert list(document) == PROCESS
    assert (document["workflow"], document["target"]) == ("create_user_group", "CREATE")
    assert (document["status"], document["last_step"]) == ("completed", "resync")
    assert len(document["steps"]) == 6
    assert list(document["steps"][3]) == [
        "name", "title", "status", "attempts", "started_at", "ended_at", "failure", "next_attempt_at",
    ]  # fmt: skip
    assert document["steps"][3]["name"] == "provision_user_group"
    assert {step["status"] for step in document["steps"]} == {"completed"}


async def test_no_wait_prints_the_process_id_and_returns(starter: Starter) -> None:
    started = await starter("create", "user-group", "--group-name", "a", "--no-wait")
    followed = await starter("process", started.stdout.strip(), "--follow", "--json")
    assert started.code == 0
    assert followed.document["status"] == "completed"


async def test_a_process_id_starts_one_process(starter: Starter) -> None:
    process_id = f"ticket-{uuid4()}"
    command = ("create", "user-group", "--group-name", "a", "--process-id", process_id, "--json")
    first, second = await starter(*command), await starter(*command)
    assert (first.code, second.code) == (0, 1)
    assert second.document["error"]["type"] == "ProcessAlreadyExists"
    assert second.document["subscription"] == first.document["subscription"]
    assert first.document["process_id"] == second.document["process_id"] == process_id


async def test_a_rejection_exits_1_with_type_and_reason(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    ended = await starter("create", "user-group", "--group-name", "Reserved", "--json")
    shown = await starter("process", ended.document["process_id"], "--json")
    assert ended.code == 1
    assert ended.document["status"] == "failed"
    assert ended.document["error"] == {
        "type": "RequestRejected",
        "message": "group_management rejects 'Reserved'",
    }
    assert ended.document["subscription"]["held_by"] == ended.document["process_id"]
    assert shown.document["steps"][-1]["status"] == "failed"
    assert shown.document["ended_at"] is None


async def test_subscriptions_lists_filters_and_pages(starter: Starter) -> None:
    ids = [
        (await starter("create", "user-group", "--group-name", name, "--json")).document["subscription"][
            "subscription_id"
        ]
        for name in ("a", "b")
    ]
    page = await starter("subscriptions", "--after", ids[1], "--limit", "1", "--json")
    active = await starter(
        "subscriptions", "--status", "active", "--product", "User Group", "--limit", "1000", "--json"
    )
    none = await starter("subscriptions", "--product", "Teapot", "--json")
    assert [one["subscription_id"] for one in page.document] == [ids[0]]
    assert list(page.document[0]) == SUBSCRIPTION
    assert set(ids) <= {one["subscription_id"] for one in active.document}
    assert none.document["error"]["type"] == "ProductNotFound"


async def test_processes_lists_filters_and_pages(starter: Starter) -> None:
    created = (await starter("create", "user-group", "--group-name", "a", "--json")).document
    of_one = await starter(
        "processes",
        "--subscription",
        created["subscription"]["subscription_id"],
        "--status",
        "completed",
        "--json",
    )
    after = await starter("processes", "--after", created["process_id"], "--json")
    cut = await starter("processes", "--limit", "1")
    assert [one["process_id"] for one in of_one.document] == [created["process_id"]]
    assert list(of_one.document[0]) == PROCESS
    assert created["process_id"] not in {one["process_id"] for one in after.document}
    assert "There may be more; list them with: --after" in cut.stderr


async def test_subscription_shows_values_and_trail(starter: Starter) -> None:
    created = (await starter("create", "user-group", "--group-name", "Network operators", "--json")).document
    subscription_id = created["subscription"]["subscription_id"]
    shown = await starter("subscription", subscription_id)
    as_json = await starter("subscription", subscription_id, "--json")
    assert created["process_id"] in shown.stdout
    assert "Network operators" in shown.stdout
    validations = dict.fromkeys(("first_at", "last_at", "last_status")) | {"number": 0}
    assert as_json.document == created["subscription"] | {"validations": validations}


BAD = {
    "empty name": (["create", "user-group", "--group-name", ""], "group_name is empty"),
    "blank name": (["create", "user-group", "--group-name", "  "], "group_name is empty"),
    "long name": (["create", "user-group", "--group-name", "x" * 256], "at most 255 characters"),
    "control character": (["create", "user-group", "--group-name", "a\tb"], "control character U+0009"),
    "not utf-8": (["create", "user-group", "--group-name", "a\udcffb"], "is not valid Unicode"),
    "missing name": (["create", "user-group"], "group_name is missing"),
    "malformed customer": (
        ["create", "user-group", "--group-name", "a", "--customer-id", "17"],
        "customer_id input should be a valid UUID",
    ),
    "unknown option": (["create", "user-group", "--nickname", "a"], "No such option"),
    "unknown product": (["create", "teapot"], "No such command 'teapot'"),
    "unknown command": (["destroy"], "No such command 'destroy'"),
    "malformed subscription": (["subscription", "17"], "'17' is too short; give the id of the subscription"),
    "malformed limit": (["subscriptions", "--limit", "many"], "'many' is not a valid integer"),
    "unknown status": (["subscriptions", "--status", "gone"], "'gone' is not one of"),
}


@pytest.mark.parametrize(("command", "complaint"), BAD.values(), ids=BAD.keys())
def test_wrong_usage_gets_one_line_and_exit_code_2(
    command: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(command)
    said = capsys.readouterr()
    assert code == 2
    assert complaint in said.err
    assert len(said.err.splitlines()) == 1
    assert said.out == ""


def test_wrong_usage_with_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["create", "user-group", "--group-name", "", "--json"])
    said = capsys.readouterr()
    assert code == 2
    assert json.loads(said.out)["error"]["type"] == "InvalidInput"
    assert said.err == ""


async def test_an_unknown_id_gets_one_line(starter_without_worker: Starter) -> None:
    subscription = await starter_without_worker("subscription", str(uuid4()))
    process = await starter_without_worker("process", "nobody")
    assert (subscription.code, process.code) == (1, 1)
    assert "Subscription not found" in subscription.stderr
    assert 'Process not found: "nobody"' in process.stderr


@pytest.mark.parametrize(
    ("variable", "address", "complaint"),
    [
        ("TEMPORAL_ADDRESS", "127.0.0.1:1", "Cannot reach Temporal at 127.0.0.1:1"),
        ("DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/x", "Cannot reach PostgreSQL at 127.0.0.1:1"),
    ],
)
async def test_an_unreachable_service_is_named_with_the_fix(
    environment: dict[str, str], variable: str, address: str, complaint: str
) -> None:
    ended = await Starter(environment | {variable: address}).program("subscriptions")
    assert ended.code == 1
    assert complaint in ended.stderr
    assert "make up" in ended.stderr
    assert "secret" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


async def test_one_service_without_the_other_is_refused(environment: dict[str, str]) -> None:
    half = {name: value for name, value in environment.items() if name != "DATABASE_URL"}
    ended = await Starter(half)("subscriptions")
    assert ended.code == 1
    assert "DATABASE_URL is not" in ended.stderr


@pytest.mark.parametrize(
    "command",
    [
        "",
        "create",
        "create user-group",
        "subscriptions",
        "subscription",
        "processes",
        "process",
        "modify",
        "terminate",
        "validate",
        "retry",
        "abort",
        "give-up",
        "set-in-sync",
        "reconcile",
        "create user",
        "schedule",
        "schedule validate",
        "schedule clean-up",
        "clean-up",
        "status",
    ],
)
def test_every_help_page_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command.split(), "--help"]) == 0
    assert "Examples:" in capsys.readouterr().out
