"""The README keeps its promises: its commands, and those of the operations page, run in their order."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from settings import ROOT, Endpoints
from tests.conftest import new_database
from tests.docs.pages import commands
from tests.endpoints import variables, with_database
from worker import open_worker, prepare_databases

README = ROOT / "README.md"
SESSION = [
    command
    for page in (README, ROOT / "docs" / "operations.md")
    for command in commands(page)
    if not command.startswith(("make ", "source "))
]
"""The commands that a reader types who follows both pages to the end."""


@pytest.fixture
async def newcomer(client: Client, endpoints: Endpoints, postgres: str) -> AsyncIterator[dict[str, str]]:
    """Return the environment of a reader who has a worker and an empty database."""
    own = with_database(endpoints, await new_database(postgres))
    await prepare_databases(own)
    async with open_worker(client, own) as worker, worker:
        yield os.environ | variables(own)


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 150


async def test_every_command_of_the_session_runs(newcomer: dict[str, str]) -> None:
    assert len(SESSION) > 25
    for command in SESSION:
        ended = await run(command, newcomer)
        parks = "--follow" in command  # the process that is followed there
        assert ended.returncode == int(parks), f"{command}\n{ended.stdout}\n{ended.stderr}"


def test_make_demo_creates_a_user_group_and_shows_its_trail(tmp_path: Path) -> None:
    demo = [sys.executable, "-m", "cli.demo", str(tmp_path)]
    ended = subprocess.run(demo, cwd=ROOT, check=True, capture_output=True, text=True)
    for title in ("Create subscription", "Provision user group", "Unlock subscription"):
        assert f"{title} " in ended.stdout
    assert re.search(r"status +active", ended.stdout)
    assert re.search(r"insync +yes", ended.stdout)
    assert re.search(r"group_id +\d", ended.stdout)
    assert ended.stdout.count("✓ completed") == 8


async def test_make_up_runs_until_it_is_told_to_stop(tmp_path: Path) -> None:
    stack = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.up", "--directory", str(tmp_path),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert stack.stdout is not None
    async with asyncio.timeout(60):
        said = await stack.stdout.readuntil(b"Ctrl-C stops it")
        stack.send_signal(signal.SIGINT)
        assert await stack.wait() == 0
    assert b"Web UI:    http://127.0.0.1:" in said
    assert json.loads((tmp_path / "stack.json").read_text())["pids"] == {}


async def run(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    process = await asyncio.create_subprocess_shell(
        command,
        cwd=ROOT,
        env=environment | {"PATH": path},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        stdout, stderr = await process.communicate()
    return subprocess.CompletedProcess(command, process.returncode or 0, stdout.decode(), stderr.decode())
