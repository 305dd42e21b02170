"""The embedded stack: after any kill it continues with all its data."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from orchestrator.database import processes, subscriptions
from orchestrator.database.connection import open_pool
from orchestrator.domain.process import ProcessStatus, created_subscription_id
from orchestrator.domain.subscription import Status
from orchestrator.operations.own_temporal import AnotherTemporal, require_own_temporal
from orchestrator.temporal.connection import TemporalUnreachable, connect
from orchestrator.temporal.task_queue import TASK_QUEUE
from services.fake_group_management import open_fake_group_management
from services.fake_system import Fault
from settings import ROOT, Settings
from stack import embedded
from stack.addresses import Addresses
from stack.embedded import embedded_stack, held_back
from stack.keeping import is_kept_up, kept_up
from stack.ports import Claims, free_port
from stack.temporal_server import DATABASE
from tests.processes import eventually, until_struck


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="stack-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture(scope="module")
def stack(directory: Path) -> Iterator[Addresses]:
    with embedded_stack(directory) as addresses:
        yield addresses


@pytest.mark.parametrize("victim", ["worker", "temporal", "postgres"])
async def test_a_create_survives_the_kill_of(victim: str, stack: Addresses, directory: Path) -> None:
    client = await connect({"target_host": stack.temporal_address})
    process_id = f"create_user_group-{uuid4()}"
    async with open_fake_group_management(stack.database_url) as groups:
        before = await groups.system.count()
        await groups.system.order(Fault(kind="slow", seconds=2, times=1))
        await client.start_workflow(
            "create_user_group", {"group_name": "ops"}, id=process_id, task_queue=TASK_QUEUE
        )
        await until_struck(groups.system)
    found = Addresses.read(directory)
    assert found is not None
    os.kill(found.pids[victim], signal.SIGKILL)
    await eventually(lambda: completed(stack.temporal_address, process_id), seconds=60)
    await assert_exactly_one(stack.database_url, process_id, before + 1)


def test_a_temporal_that_has_lost_its_database_is_adopted() -> None:
    """At the next start, and while the stack runs."""
    with tempfile.TemporaryDirectory(prefix="stack-", ignore_cleanup_errors=True) as path:
        directory = Path(path)
        # In a process of its own: PostgreSQL starts on a directory once in a process.
        subprocess.run([sys.executable, "-c", ONCE, path], cwd=ROOT, check=True)
        delete_temporal(directory)
        with embedded_stack(directory) as stack:
            assert asyncio.run(is_own_temporal(stack))
            with held_back(directory):
                found = Addresses.read(directory)
                assert found is not None
                delete_temporal(directory)
                os.kill(found.pids["temporal"], signal.SIGKILL)
            asyncio.run(eventually(lambda: is_own_temporal(stack), seconds=60))


ONCE = """
import sys
from pathlib import Path
from stack.embedded import embedded_stack

with embedded_stack(Path(sys.argv[1])):
    pass
"""


def delete_temporal(directory: Path) -> None:
    files = list(directory.glob(f"{DATABASE}*"))
    assert files
    for file in files:
        file.unlink()


async def is_own_temporal(stack: Addresses) -> bool | None:
    """Return whether the database belongs to the Temporal of the stack."""
    try:
        client = await connect({"target_host": stack.temporal_address})
        async with await open_pool(stack.database_url) as pool:
            await require_own_temporal(client, pool)
    except (TemporalUnreachable, RPCError, AnotherTemporal):
        return None
    return True


async def test_closed_processes_are_kept_for_30_days(stack: Addresses) -> None:
    client = await connect({"target_host": stack.temporal_address})
    described = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace="default")
    )
    assert described.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=30)


def test_everything_listens_on_the_loopback_interface_only(stack: Addresses, directory: Path) -> None:
    found = Addresses.read(directory)
    assert found is not None
    started = [psutil.Process(pid) for pid in found.pids.values()]
    listening = {
        connection.laddr.ip
        for process in [*started, *(child for one in started for child in one.children(recursive=True))]
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
        or (connection.type == socket.SOCK_DGRAM and not connection.raddr)
    }
    assert listening == {"127.0.0.1"}


def test_two_users_share_a_stack_and_the_last_one_stops_it() -> None:
    with tempfile.TemporaryDirectory(prefix="stack-", ignore_cleanup_errors=True) as path:
        directory = Path(path)
        with embedded_stack(directory) as first:
            with embedded_stack(directory) as second:
                assert second == first
            assert all(psutil.pid_exists(pid) for pid in first.pids.values())
        assert not any(alive(pid) for pid in first.pids.values())
        left = Addresses.read(directory)
        assert left is not None
        assert left.pids == {}


def test_a_stack_never_takes_the_port_of_another_stack(stack: Addresses, directory: Path) -> None:
    # Its clients still call that port: another Temporal there would receive their processes.
    folder = tempfile.TemporaryDirectory(prefix="stack-", ignore_cleanup_errors=True)
    with folder as path, held_back(directory):
        found = Addresses.read(directory)
        assert found is not None
        port = int(found.temporal_address.rpartition(":")[2])
        found.model_copy(update={"pids": {}}).write(Path(path))  # so that it asks for the same ports
        os.kill(found.pids["temporal"], signal.SIGKILL)
        while free_port(port) != port:
            time.sleep(0.01)
        with embedded_stack(Path(path)) as other:
            assert other.temporal_address != found.temporal_address
            assert other.ui_url != found.ui_url


def test_a_port_is_claimed_until_the_last_user_releases_it(tmp_path: Path) -> None:
    first, second, other = Claims(tmp_path / "one"), Claims(tmp_path / "one"), Claims(tmp_path / "other")
    port = free_port()
    assert first.take(port)
    assert second.take(port)
    first.release()
    assert not other.take(port)
    second.release()
    assert other.take(port)
    other.release()


def test_is_kept_up_tells_whether_the_stack_is_kept_up(tmp_path: Path) -> None:
    with kept_up(tmp_path) as mine:
        assert mine
        assert is_kept_up(tmp_path)
    assert not is_kept_up(tmp_path)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def completed(temporal_address: str, process_id: str) -> bool | None:
    """Return whether the process has completed; `None` while Temporal restarts."""
    try:
        client = await connect({"target_host": temporal_address})
        description = await client.get_workflow_handle(process_id).describe()
    except (TemporalUnreachable, RPCError):
        return None
    return description.status is WorkflowExecutionStatus.COMPLETED or None


async def assert_exactly_one(database_url: str, process_id: str, groups: int) -> None:
    """Assert that there are one subscription, one trail row, and this number of groups."""
    async with await open_pool(database_url) as pool, pool.acquire() as connection:
        row = await processes.read_process(connection, process_id)
        stored = await subscriptions.read_subscription(connection, created_subscription_id(process_id))
    assert row is not None
    assert row.status is ProcessStatus.COMPLETED
    assert stored is not None
    assert (stored.subscription.status, stored.subscription.insync) == (Status.ACTIVE, True)
    async with open_fake_group_management(database_url) as system:
        assert await system.system.count() == groups


def test_a_worker_of_the_stack_has_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the environment sets one: nobody would make that version current."""

    def start(arguments: list[str], log_file: Path, environment: dict[str, str]) -> int:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return 1

    monkeypatch.setenv("TEMPORAL_DEPLOYMENT_NAME", "subscriptions")
    monkeypatch.setenv("TEMPORAL_WORKER_BUILD_ID", "1.0")
    monkeypatch.setattr(embedded, "start_detached", start)
    assert Settings.from_environment().version is not None
    ports = {"worker": "127.0.0.1:1"}
    addresses = Addresses(
        temporal_address="a:1", ui_url="", database_url="b", pids={}, metrics=ports, health=ports
    )
    embedded._start_worker(tmp_path, "worker", addresses, embedded._Fleet(Claims(tmp_path), 1, {}))
    assert Settings.from_environment().version is None
