"""Commands that follow a process: what they show, and what they survive."""

import signal
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from cli import following
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import until_struck
from tests.starting import Starter


async def test_following_shows_attempts_and_the_last_failure(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="unreachable", times=2))
    ended = await starter("create", "user-group", "--group-name", "a")
    assert ended.code == 0
    assert "Provision user group: completed, attempt 3" in ended.stderr
    assert "group_management cannot be reached" in ended.stdout


@pytest.mark.parametrize(
    "error", [asyncpg.AdminShutdownError, asyncpg.CannotConnectNowError, asyncpg.CrashShutdownError]
)
@pytest.mark.parametrize("read", ["process_document", "subscription_document"])
async def test_following_waits_while_the_database_restarts(
    starter: Starter, monkeypatch: pytest.MonkeyPatch, error: type[Exception], read: str
) -> None:
    original, failures = getattr(following, read), iter([error("the database system is starting up")])

    async def starting_up(*arguments: Any) -> Any:
        for failure in failures:
            raise failure
        return await original(*arguments)

    monkeypatch.setattr(following, read, starting_up)
    ended = await starter("create", "user-group", "--group-name", "a", "--json")
    assert (ended.code, ended.document["status"]) == (0, "completed")
    assert next(failures, None) is None


async def test_the_error_names_a_process_that_cannot_be_followed(
    starter: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def out_of_memory(*arguments: Any) -> Any:
        raise asyncpg.OutOfMemoryError("out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(following, "process_document", out_of_memory)
        ended = await starter("create", "user-group", "--group-name", "a", "--json")
    process_id, error = ended.document["process_id"], ended.document["error"]
    followed = await starter("process", process_id, "--follow", "--json")
    assert (ended.code, error["type"]) == (1, "ServiceFailed")
    assert f"starter.py process {process_id}" in error["message"]
    assert followed.document["status"] == "completed"


async def test_ctrl_c_stops_following_but_not_the_process(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=4, times=1))
    process_id = f"slow-{uuid4()}"
    following = await starter.program.start(
        "create", "user-group", "--group-name", "a", "--process-id", process_id
    )
    await until_struck(groups.system)
    following.send_signal(signal.SIGINT)
    _, stderr = await following.communicate()
    ended = await starter("process", process_id, "--follow", "--json")
    assert following.returncode == 130
    assert f"starter.py process {process_id} --follow" in stderr.decode()
    assert ended.document["status"] == "completed"
