"""Input that does not fit its form ends the process at once, with one line, and leaves no row."""

from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.common import RawValue, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError

from orchestrator.domain.process import created_subscription_id
from orchestrator.temporal import search_attributes
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import Processes

FIELDS = "(fields: by, reason, customer_id, group_name)"

BAD = {
    "empty name": ({"group_name": ""}, "group_name is empty; give 1 to 255 characters (got '')"),
    "blank name": ({"group_name": "   "}, "group_name is empty; give 1 to 255 characters (got '   ')"),
    "long name": ({"group_name": "x" * 256}, "group_name string should have at most 255 characters"),
    "control character": (
        {"group_name": "a\x00b"},
        r"group_name has the control character U+0000 at position 2; remove it (got 'a\x00b')",
    ),
    "wrong type": ({"group_name": 5}, "group_name must be text (got 5)"),
    "unknown field": (
        {"group_name": "ops", "nickname": "o"},
        f"nickname is not a field of this form; remove it (got 'o') {FIELDS}",
    ),
    "missing field": ({}, f"group_name is missing; give it {FIELDS}"),
    "malformed UUID": (
        {"group_name": "ops", "customer_id": "17"},
        "customer_id input should be a valid UUID, invalid length",
    ),
    "line break in the name of a field": (
        {"group_name": "ops", "a\nb\u202e": 1},
        r"a\nb\u202e is not a field of this form; remove it (got 1)",
    ),
    "character that pydantic names": (
        {"group_name": "ops", "customer_id": "\x00"},
        r"invalid character: found `\x00` at 0",
    ),
    "long name of a field": ({"group_name": "ops", "x" * 9999: 1}, f"{'x' * 60}… is not a field"),
    "not an object": (["ops"], "the input must be one JSON object (got ['ops'])"),
    "null": (None, "the input must be one JSON object"),
}


@pytest.mark.parametrize(("given", "complaint"), BAD.values(), ids=BAD.keys())
async def test_bad_input_fails_at_once_and_leaves_no_row(
    worker: None, client: Client, processes: Processes, given: Any, complaint: str
) -> None:
    handle = await client.start_workflow(
        "create_user_group", given, id=f"bad-{uuid4()}", task_queue=processes.task_queue
    )
    message = await processes.failure(handle)
    assert message.startswith("Invalid CreateUserGroupForm: ")
    assert "### Refused: the input does not fit\n\n> Invalid CreateUserGroupForm: " in (
        await processes.details(handle)
    )
    assert complaint in message
    assert "\n" not in message
    await assert_no_row(processes, handle.id)


async def test_missing_input_fails_at_once(worker: None, client: Client, processes: Processes) -> None:
    handle = await client.start_workflow(
        "create_user_group", id=f"bad-{uuid4()}", task_queue=processes.task_queue
    )
    assert "must be one JSON object" in await processes.failure(handle)
    await assert_no_row(processes, handle.id)


@pytest.mark.parametrize(
    "payload",
    [
        Payload(metadata={"encoding": b"binary/plain"}, data=b"\xff\xfe"),
        Payload(metadata={"encoding": b"json/plain"}, data=b"{not json"),
        Payload(metadata={"encoding": b"json/plain"}, data=b'"\xff"'),
        Payload(metadata={"encoding": b"json/protobuf", "messageType": b"x.Y"}, data=b"{}"),
        Payload(metadata={"encoding": b"never/heard"}, data=b"{}"),
        Payload(metadata={"encoding": b"\xff"}, data=b"{}"),
    ],
    ids=["binary", "not json", "not utf-8", "unknown message", "unknown encoding", "encoding not utf-8"],
)
async def test_input_that_cannot_be_decoded_fails_at_once(
    worker: None, client: Client, processes: Processes, payload: Payload
) -> None:
    handle = await client.start_workflow(
        "create_user_group", RawValue(payload), id=f"bad-{uuid4()}", task_queue=processes.task_queue
    )
    assert "CreateUserGroupForm" in await processes.failure(handle)
    await assert_no_row(processes, handle.id)


@pytest.mark.parametrize("encoding", [b"never/heard", b"json/plain"])
async def test_two_inputs_with_an_undecodable_one_fail_at_once(
    worker: None, client: Client, processes: Processes, encoding: bytes
) -> None:
    handle = await client.start_workflow(
        "create_user_group",
        args=[{"group_name": "ops"}, RawValue(Payload(metadata={"encoding": encoding}, data=b"{"))],
        id=f"bad-{uuid4()}",
        task_queue=processes.task_queue,
    )
    assert (await processes.failure(handle)).startswith("Invalid input: the input cannot be read (")
    await assert_no_row(processes, handle.id)


@pytest.mark.parametrize("update", ["retry", "give_up"])
@pytest.mark.parametrize("given", [[None], [b"bytes"], [{}, {}]], ids=["null", "bytes", "two"])
async def test_an_update_with_invalid_input_is_rejected(
    worker: None, processes: Processes, groups: FakeGroupManagement, update: str, given: list[Any]
) -> None:
    await groups.system.order(Fault(kind="reject", times=1))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    with pytest.raises(WorkflowUpdateFailedError) as rejected:
        await handle.execute_update(update, args=given)
    assert f"Invalid input of {update}: it must be one JSON object" in str(rejected.value.cause)
    await processes.retry(handle)
    assert (await handle.result()).version == 1


@pytest.mark.parametrize("progress", ["no progress", {"next_step": 99}, {"next_step": 5, "failure": "x"}])
async def test_a_memo_given_at_the_start_is_ignored(
    worker: None, client: Client, processes: Processes, progress: Any
) -> None:
    handle = await client.start_workflow(
        "create_user_group",
        {"group_name": "ops"},
        id=f"create_user_group-{uuid4()}",
        task_queue=processes.task_queue,
        memo={"progress": progress},
    )
    await handle.result()
    assert [step.status for step in await processes.steps(handle)] == ["completed"] * 6


async def test_a_name_cannot_break_the_table_in_the_web_ui(worker: None, processes: Processes) -> None:
    handle = await processes.create_user_group("| a | **b** &lt;~~c~~")
    await handle.result()
    heading, *_, table = (await processes.details(handle)).split("\n\n")[:2]
    assert heading == r'### Create user group "\| a \| \*\*b\*\* \&lt;\~\~c\~\~": completed'
    assert {line.count("|") for line in table.splitlines()} == {5}


@pytest.mark.parametrize("arguments", [[], [{"group_name": "ops"}, "more"], [None]])
async def test_a_mistyped_workflow_type_is_refused_at_once(
    worker: None, client: Client, processes: Processes, arguments: list[object]
) -> None:
    handle = await client.start_workflow(
        "create_user_gruop", args=arguments, id=str(uuid4()), task_queue=processes.task_queue
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == "UnknownWorkflowType"
    assert failed.value.cause.message.startswith(
        "There is no workflow type 'create_user_gruop'; give one of "
    )
    assert "There is no workflow type 'create\\_user\\_gruop'" in await processes.details(handle)


async def test_a_process_id_with_a_control_character_is_refused(
    worker: None, client: Client, processes: Processes
) -> None:
    handle = await client.start_workflow(
        "create_user_group", {"group_name": "ops"}, id=f"a\tb-{uuid4()}", task_queue=processes.task_queue
    )
    assert "control character U+0009" in await processes.failure(handle)
    await assert_no_row(processes, handle.id)


async def test_search_attributes_of_another_process_are_replaced(
    worker: None, client: Client, processes: Processes
) -> None:
    # The Web UI fills its start form with the attributes of the process shown before.
    handle = await client.start_workflow(
        "create_user_group",
        {"group_name": "ops"},
        id=f"create_user_group-{uuid4()}",
        task_queue=processes.task_queue,
        search_attributes=search_attributes_of_another(),
    )
    await handle.result()
    found = (await handle.describe()).typed_search_attributes
    assert found[search_attributes.SUBSCRIPTION_ID] == str(created_subscription_id(handle.id))
    assert found[search_attributes.PROCESS_STATUS] == "completed"


def search_attributes_of_another() -> TypedSearchAttributes:
    return TypedSearchAttributes([SearchAttributePair(key, "another") for key in search_attributes.ALL])


async def assert_no_row(processes: Processes, process_id: str) -> None:
    """Assert that the process has no row in trail, ledger or subscriptions."""
    rows = await processes.pool.fetchval(
        """
        SELECT (SELECT count(*) FROM processes WHERE process_id = $1)
             + (SELECT count(*) FROM process_steps WHERE process_id = $1)
             + (SELECT count(*) FROM subscriptions WHERE subscription_id = $2)
        """,
        process_id,
        created_subscription_id(process_id),
    )
    assert rows == 0
