"""The one PostgreSQL server of a comparison, with a new database for each measurement."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict

from orchestrator.database.connection import connect
from trials.peers.environments import HERE, PeerFailed, last_line, python_of


class SharedPostgres(BaseModel):
    """A running server."""

    model_config = ConfigDict(frozen=True)

    pid: int
    url: str
    programs: Path
    """Directory of psql and the like."""

    def database_url(self, database: str) -> str:
        """Return the URL of a database."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc="postgres@", path=f"/{database}"))

    def sqlalchemy_url(self, database: str) -> str:
        """Return the URL of a database as SQLAlchemy and orchestrator-core take it: with a host."""
        parts = urlsplit(self.database_url(database))
        return urlunsplit(parts._replace(scheme="postgresql+psycopg", netloc="postgres@localhost"))

    @contextmanager
    def new_database(self, name: str, template: str = "template1") -> Iterator[str]:
        """Create a database, and yield its URL; drop it at the end.

        Args:
            name: small letters, digits and underscores; so is the template.
            template: database to copy.
        """
        assert name.isidentifier()
        assert template.isidentifier()
        asyncio.run(self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        try:
            yield self.database_url(name)
        finally:
            asyncio.run(self._execute(f'DROP DATABASE "{name}" WITH (FORCE)'))

    def version(self) -> str:
        """Return the version of the server."""
        return asyncio.run(fetch_value(self.database_url("postgres"), "SHOW server_version"))

    async def _execute(self, statement: str) -> None:
        connection = await connect(self.database_url("postgres"))
        try:
            await connection.execute(statement)
            await connection.execute("CHECKPOINT")  # so that none is due soon, for whoever comes next
        finally:
            await connection.close()


async def fetch_value(database_url: str, query: str) -> str:
    """Return the one value of a query, as text."""
    connection = await connect(database_url)
    try:
        return str(await connection.fetchval(query))
    finally:
        await connection.close()


def count_active(database_url: str) -> int:
    """Return how many subscriptions are active: every system has this table and this column."""
    query = "SELECT count(*) FROM subscriptions WHERE status = 'active'"
    return int(asyncio.run(fetch_value(database_url, query)))


@contextmanager
def shared_postgres(directory: Path) -> Iterator[SharedPostgres]:
    """Start the server in a new directory; stop it at the end.

    Raises:
        PeerFailed: when it does not start.
    """
    directory.mkdir()
    log = directory / "server.log"
    program = [str(python_of("postgres")), str(HERE / "postgres" / "server.py"), str(directory / "data")]
    with log.open("w") as errors:
        server = subprocess.Popen(
            program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # a Ctrl-C must not reach it before its clients
        )
    assert server.stdout is not None
    try:
        line = server.stdout.readline()
        if not line:
            raise PeerFailed(f"PostgreSQL does not start: {last_line(log.read_text())}")
        yield SharedPostgres.model_validate_json(line)
    finally:
        server.communicate()  # closes its stdin: it stops
