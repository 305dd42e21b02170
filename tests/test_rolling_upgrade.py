"""The rolling upgrade of `docs/upgrades.md`, typed as written: two versions with open processes."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from orchestrator.temporal import search_attributes
from settings import ROOT, Endpoints, Settings
from stack.temporal_server import FAST_QUEUES, dynamic_config, find_temporal_cli
from tests.conftest import new_database
from tests.endpoints import variables
from tests.processes import eventually
from worker import prepare_databases

PAGE = (ROOT / "docs" / "upgrades.md").read_text()
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if not line.startswith("$ make ")
]
OUTPUT = [
    line for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines() if line
]
WAIT_FOR_VERSION = (
    "until temporal worker deployment describe-version --deployment-name subscriptions "
    "--build-id {build_id} > /dev/null 2>&1; do sleep 0.1; done"
)
"""Waits of a reader who looks at the log before the next command."""
DRAINED_SOON = {  # by default it takes three minutes
    "matching.wv.VersionDrainageStatusVisibilityGracePeriod": '"1s"',
    "matching.wv.VersionDrainageStatusRefreshInterval": '"1s"',
}


class Shell:
    """A shell that runs one command after the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._listening = asyncio.create_task(self._listen())
        self.said = ""

    async def type(self, command: str) -> str:
        """Run a command until it has succeeded or continues in the background; return its output."""
        before = len(self.said)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\necho ended $?\n".encode())
        code = await eventually(lambda: self._heard(r"^ended (\d+)$", before), seconds=60)
        assert code == "0", f"{command}\n{self.said[before:]}"
        if worker := re.fullmatch(r"TEMPORAL_WORKER_BUILD_ID=(\S+) python worker.py &", command):
            await self.type(WAIT_FOR_VERSION.format(build_id=worker[1]))
        return self.said[before:]

    async def end(self) -> None:
        """Stop the background jobs and the shell."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"kill $(jobs -p); wait; exit\n")
        try:
            async with asyncio.timeout(30):
                await self._process.wait()
        except TimeoutError:  # a command does not end
            for process in psutil.Process(self._process.pid).children(recursive=True):
                process.kill()
            await self._process.wait()
        await self._listening

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.said += line.decode()

    async def _heard(self, pattern: str, since: int) -> str | None:
        found = re.search(pattern, self.said[since:], re.MULTILINE)
        return found[1] if found else None


@dataclass(frozen=True)
class Upgrade:
    """The output of each command of the page, and the processes."""

    said: dict[str, str]
    client: Client

    async def process(self, process_id: str) -> tuple[WorkflowExecutionStatus | None, list[str]]:
        """Return how the process ended, and its versions in order."""
        history = await self.client.get_workflow_handle(process_id).fetch_history()
        tasks = [
            event.workflow_task_completed_event_attributes.deployment_version.build_id
            for event in history.events
            if event.HasField("workflow_task_completed_event_attributes")
        ]
        description = await self.client.get_workflow_handle(process_id).describe()
        return description.status, list(dict.fromkeys(tasks))


@pytest.fixture(scope="module")
async def temporal_of_its_own(directory: Path) -> AsyncIterator[Client]:
    """A Temporal for these tests alone: a current version would take work from all other workers."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=find_temporal_cli(directory),
        dev_server_extra_args=dynamic_config(FAST_QUEUES | DRAINED_SOON),
        search_attributes=search_attributes.ALL,
    )
    async with environment:
        yield environment.client


@pytest.fixture(scope="module")
async def upgrade(temporal_of_its_own: Client, postgres: str) -> AsyncIterator[Upgrade]:
    address = temporal_of_its_own.service_client.config.target_host
    endpoints = Settings().at(temporal_address=address, database_url=await new_database(postgres))
    await prepare_databases(endpoints)
    async with shell(endpoints) as typing:
        yield Upgrade({command: await typing.type(command) for command in COMMANDS}, temporal_of_its_own)


def test_the_page_shows_the_real_output(upgrade: Upgrade) -> None:
    said = plain("".join(upgrade.said.values()))
    assert len(COMMANDS) > 12
    assert [line for line in OUTPUT if plain(line) not in said] == []


def test_a_worker_logs_the_command_to_make_its_version_current(upgrade: Upgrade) -> None:
    advised = re.findall(r"to make \S+ current: (.*)", "".join(upgrade.said.values()))
    typed = [command.removesuffix(" --yes") for command in COMMANDS if "set-current-version" in command]
    assert advised == typed


async def test_a_new_process_begins_on_the_current_version(upgrade: Upgrade) -> None:
    assert await upgrade.process("operators") == (WorkflowExecutionStatus.COMPLETED, ["2.0"])


async def test_a_retried_process_ends_on_its_first_version(
    upgrade: Upgrade,
) -> None:
    assert await upgrade.process("security") == (WorkflowExecutionStatus.COMPLETED, ["1.0"])


async def test_a_moved_process_ends_on_the_new_version(
    upgrade: Upgrade,
) -> None:
    assert await upgrade.process("support") == (WorkflowExecutionStatus.COMPLETED, ["1.0", "2.0"])
    typed = list(upgrade.said)
    assert typed.index("kill %1 && wait %1") < typed.index("python starter.py retry support")


@asynccontextmanager
async def shell(endpoints: Endpoints) -> AsyncIterator[Shell]:
    services = {
        **variables(endpoints),
        "LOG_FORMAT": "text",  # as on a terminal
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    process = await asyncio.create_subprocess_exec(
        *("bash", "-m"),  # so that the shell numbers its background jobs
        cwd=ROOT,
        env=os.environ | services,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    shell = Shell(process)
    try:
        yield shell
    finally:
        await shell.end()


def plain(text: str) -> str:
    """Return the text without column widths and ages."""
    return re.sub(r"\d+ \w+ ago|now", "", re.sub(r"[^\S\n]+", " ", text))
