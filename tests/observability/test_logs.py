"""Every line of the log says which step of which process it belongs to, and can be read by a program."""

import asyncio
import json
import logging
import os
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from logs import JsonFormatter, TextFormatter, complete
from orchestrator.process.forms import OperatorNote
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import ConfigurationError, Endpoints
from telemetry_settings import LogSettings
from tests.endpoints import variables
from tests.observability.conftest import Lines
from tests.observability.speaking import Failing, Speaking
from tests.processes import Processes, eventually
from tests.starting import Program

OF_A_STEP = {"process_id", "run_id", "workflow", "target", "subscription_id", "step", "attempt"}


class Unshowable:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


ANYTHING = st.one_of(
    st.text(), st.binary(), st.integers(), st.floats(), st.none(), st.builds(object), st.builds(Unshowable)
)


@pytest.mark.usefixtures("worker")
async def test_a_line_of_a_step_names_its_process(lines: Lines, processes: Processes) -> None:
    handle = await processes.create_user_group()
    await handle.result()
    found = lines(handle.id)
    assert [(line["step"], line["message"]) for line in found] == [
        ("create_subscription", "committed"),
        ("store_process_subscription", "committed"),
        ("initialize_subscription", "committed"),
        ("provision_user_group", "committed"),
        ("set_status", "committed"),
        ("resync", "unlocked"),
    ]
    assert all(line.keys() >= OF_A_STEP for line in found)
    assert {line["subscription_id"] for line in found} == {str(processes.subscription_id(handle))}
    assert {(line["workflow"], line["target"]) for line in found} == {("create_user_group", "CREATE")}
    assert {line["run_id"] for line in found} == {handle.first_execution_run_id}


@pytest.mark.usefixtures("worker")
async def test_one_failure_is_one_line(
    lines: Lines, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="unreachable", times=2))
    handle = await processes.create_user_group()
    await handle.result()
    failed = [line for line in lines(handle.id) if line["level"] == "warning"]
    assert [(line["step"], line["attempt"]) for line in failed] == [
        ("provision_user_group", 1),
        ("provision_user_group", 2),
    ]
    assert {line["error"] for line in failed} == {"ExternalSystemUnavailable"}
    assert {line["message"] for line in failed} == {"the attempt failed: group_management cannot be reached"}
    assert not any("traceback" in line for line in failed)


@pytest.mark.usefixtures("worker")
async def test_a_rejection_is_told_without_its_traceback(
    lines: Lines, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", times=1))
    handle = await processes.create_user_group("Net A")
    await processes.until_parked(handle)
    await processes.retry(handle, by="alice", reason="name freed")
    await handle.result()
    told = [line for line in lines(handle.id) if line["step"] == "provision_user_group"]
    assert [(line["level"], line["message"]) for line in told] == [
        ("warning", "the attempt failed: group_management rejects 'Net A'"),
        ("error", "parked: group_management rejects 'Net A'"),
        ("info", "retried by alice: name freed"),
        ("debug", "committed"),
    ]
    assert told[0]["error"] == "RequestRejected"
    assert not any("traceback" in line for line in told)


@pytest.mark.usefixtures("worker")
async def test_an_abort_is_told(lines: Lines, processes: Processes, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", times=1))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    await handle.cancel(reason="ticket 4711")
    await processes.until_closed(handle)
    assert "abort requested: ticket 4711" in [line["message"] for line in lines(handle.id)]


@pytest.mark.usefixtures("worker")
async def test_a_refused_process_is_told(lines: Lines, processes: Processes) -> None:
    handle = await processes.start("modify_user_group", uuid4(), group_name="Other")
    await processes.until_closed(handle)
    ended = lines(handle.id)[-1]
    assert ended["level"] == "warning"
    assert ended["message"].startswith("the process ended as refused: ")


async def test_a_line_of_a_workflow_names_it_once(lines: Lines, client: Client, task_queue: str) -> None:
    """Without a cache the second task replays the first, which must not log again."""
    worker = Worker(client, task_queue=task_queue, workflows=[Speaking], max_cached_workflows=0)
    async with worker, asyncio.timeout(60):
        handle = await client.start_workflow(
            Speaking.run, OperatorNote(), id=f"speaking-{uuid4()}", task_queue=task_queue
        )
        await handle.result()
    found = lines(handle.id)
    assert [line["message"].partition(" (")[0] for line in found] == ["half way", "through"]
    assert {line["workflow"] for line in found} == {"Speaking"}
    assert {line["run_id"] for line in found} == {handle.first_execution_run_id}


async def test_a_workflow_task_that_fails_names_its_process(
    lines: Lines, client: Client, task_queue: str
) -> None:
    """The SDK logs this after the code of the workflow has ended."""
    async with Worker(client, task_queue=task_queue, workflows=[Failing]), asyncio.timeout(60):
        handle = await client.start_workflow(
            Failing.run, OperatorNote(), id=f"failing-{uuid4()}", task_queue=task_queue
        )
        told = await eventually(lambda: first(lines, handle.id), seconds=60)
        await handle.terminate()
    assert told["message"] == "the workflow task failed: ZeroDivisionError: division by zero"
    assert (told["workflow"], told["run_id"]) == ("Failing", handle.first_execution_run_id)
    assert "speaking.py" in told["traceback"]


async def test_a_program_logs_json_unless_it_has_a_terminal(endpoints: Endpoints) -> None:
    said = json.loads(await said_by_migration(endpoints))
    assert said.keys() == {"time", "level", "logger", "message"}
    assert said["message"] == "the databases are at the version of this code"


async def test_a_program_logs_as_it_is_told(endpoints: Endpoints) -> None:
    said = await said_by_migration(endpoints, LOG_FORMAT="text", LOG_LEVEL="info")
    assert said.endswith(" INFO worker: the databases are at the version of this code\n")
    assert await said_by_migration(endpoints, LOG_LEVEL="warning") == ""


@pytest.mark.parametrize(
    ("variable", "rest"), [("LOG_FORMAT", "'json' or 'text'"), ("LOG_LEVEL", "'DEBUG', ")]
)
def test_a_wrong_setting_is_named_but_not_shown(
    variable: str, rest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "hunter2")
    with pytest.raises(ConfigurationError, match=rest) as refused:
        LogSettings.from_environment()
    assert str(refused.value).startswith(f"{variable}: ")
    assert "hunter2" not in str(refused.value)


@given(message=ANYTHING, arguments=st.lists(ANYTHING, max_size=2), extra=ANYTHING)
def test_every_record_is_one_line_of_json(message: object, arguments: list[object], extra: object) -> None:
    record = made(message, tuple(arguments))
    record.system = extra
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert "\n" not in line
    read = json.loads(line, parse_constant=pytest.fail)
    assert read.keys() >= {"time", "level", "logger", "message", "system"}


@given(message=ANYTHING, arguments=st.lists(ANYTHING, max_size=2))
def test_every_record_is_one_harmless_line_of_text(message: object, arguments: list[object]) -> None:
    line = TextFormatter().format(made(message, tuple(arguments)))
    assert "\n" not in line
    assert "\x1b" not in line


def test_an_error_is_one_line_of_json() -> None:
    read = json.loads(JsonFormatter().format(made("it fails", (), raised(ValueError("first\nsecond")))))
    assert (read["message"], read["error"]) == ("it fails", "ValueError")
    assert read["traceback"].endswith("ValueError: first\nsecond")


def test_text_names_the_process_and_a_later_attempt() -> None:
    record = made("it fails", (), raised(ApplicationError("no", non_retryable=True)))
    record.fields = {"process_id": "alice", "step": "provision_user", "attempt": 3, "workflow": "create_user"}
    assert TextFormatter().format(record).endswith("worker: it fails [alice provision_user attempt 3]")


async def first(lines: Lines, process_id: str) -> dict[str, Any] | None:
    return next(iter(lines(process_id)), None)


def made(message: object, arguments: tuple[object, ...], error: Any = None) -> logging.LogRecord:
    record = logging.LogRecord("worker", logging.INFO, "", 0, message, arguments, error)
    assert complete(record)
    return record


def raised(error: Exception) -> Any:
    return type(error), error, None


async def said_by_migration(endpoints: Endpoints, **settings: str) -> str:
    ended = await Program(os.environ | variables(endpoints) | settings, ("worker.py", "--migrate"))()
    assert ended.code == 0, ended.stderr
    return ended.stderr
