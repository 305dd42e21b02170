"""A PostgreSQL with a standby: streaming replication, which a test interrupts, and a fail-over."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import psutil

from stack.detached import is_running
from stack.postgres import start_postgres, stop_postgres
from tests.alone.restoring import SLOW, run_postgres_program
from tests.processes import eventually


class Pair:
    """A primary and its standby, with one database for a test."""

    def __init__(self, directory: Path) -> None:
        self._primary, self._standby = directory / "a", directory / "b"
        self._pid, self.primary_url = start_postgres(self._primary)
        # The standby is a program of another user of the operating system, if root runs this test.
        with (self._primary / "pg_hba.conf").open("a") as rules:
            rules.write("local replication all trust\n")
        os.kill(self._pid, signal.SIGHUP)
        self.standby_url = ""

    async def add_standby(self) -> None:
        """Copy the primary, and start the copy as its standby."""
        run_postgres_program(
            *("pg_basebackup", "--write-recovery-conf", "--checkpoint=fast", f"--pgdata={self._standby}"),
            f"--dbname=host={_folder(self.primary_url)} user=postgres",
        )
        owner = self._primary.stat()
        for path in (self._standby, *self._standby.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
        for left in ("postmaster.pid", ".s.PGSQL.5432.lock", ".handle_pids.json"):
            (self._standby / left).unlink(missing_ok=True)
        _, self.standby_url = await asyncio.to_thread(start_postgres, self._standby)
        await eventually(self._streams, seconds=SLOW)

    def url(self, database_url: str) -> str:
        """Return a URL of this database that leads to whichever server is the primary."""
        database = urlsplit(database_url).path
        hosts = f"{_folder(self.primary_url)},{_folder(self.standby_url)}"
        return f"postgresql://postgres@{database}?host={hosts}&target_session_attrs=read-write"

    async def replicate_synchronously(self) -> None:
        """Make each commit wait until the standby has it."""
        await _run(self.primary_url, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        await _run(self.primary_url, "SELECT pg_reload_conf()")

    async def stop_replication(self) -> None:
        """Disconnect the standby: it does not get what is committed from now on."""
        await _run(self.standby_url, "ALTER SYSTEM SET primary_conninfo = ''")
        await _run(self.standby_url, "SELECT pg_reload_conf()")
        await eventually(self._has_stopped, seconds=SLOW)

    async def fail_over(self) -> None:
        """Kill the primary with everything that it runs, and promote the standby."""
        family = [psutil.Process(self._pid), *psutil.Process(self._pid).children(recursive=True)]
        for one in family:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        await eventually(self._is_dead, seconds=SLOW)
        await _run(self.standby_url, "SELECT pg_promote()")

    def stop(self) -> None:
        for directory in (self._primary, self._standby):
            # The library may still see the killed primary when it looks, and not find it when it stops it.
            with suppress(psutil.NoSuchProcess):
                if directory.exists():
                    stop_postgres(directory)

    async def _streams(self) -> bool | None:
        return await _ask(self.primary_url, "SELECT true FROM pg_stat_replication WHERE state = 'streaming'")

    async def _has_stopped(self) -> bool | None:
        return await _ask(self.primary_url, "SELECT true WHERE NOT EXISTS (SELECT FROM pg_stat_replication)")

    async def _is_dead(self) -> bool | None:
        return None if is_running(self._pid, "postgres") else True


@asynccontextmanager
async def opened_pair() -> AsyncIterator[Pair]:
    """Start a primary in a temporary folder; stop both servers at the end."""
    # A short path, because it contains PostgreSQL's socket.
    directory = Path(tempfile.mkdtemp(prefix="pair-"))
    pair = Pair(directory)
    try:
        yield pair
    finally:
        await asyncio.to_thread(pair.stop)
        shutil.rmtree(directory, ignore_errors=True)


def _folder(url: str) -> str:
    return parse_qs(urlsplit(url).query)["host"][0]


async def _run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _ask(url: str, statement: str) -> bool | None:
    connection = await asyncpg.connect(url)
    try:
        answer: bool | None = await connection.fetchval(statement)
    finally:
        await connection.close()
    return answer
