"""Bring the database to the schema that this code was written for."""

from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from database.connection import NotPermitted, connect

LOCK = 5_801_947_117
"""Held by whoever changes the schema, or who may do what in it; any number, the same in every process."""


class SchemaOutOfDate(RuntimeError):
    """The database is at another version of the schema than this code."""

    def __init__(self, current: str | None, head: str | None, *, known: bool = True) -> None:
        found = f"at version {current}" if current else "empty"
        needed = head or "another"
        what_to_do = 'run "make migrate"' if known else "use the release of this project that made it"
        super().__init__(f"The database is {found}, this code needs {needed}: {what_to_do}")


async def migrate(database_url: str) -> None:
    """Apply the migrations that are missing; what is applied stays as it is.

    May run in several processes at once: they take turns.

    Raises:
        NotPermitted: when the role may not.
    """
    await _in_transaction(database_url, _upgrade)


async def require_current_schema(database_url: str) -> None:
    """Do nothing where the database has the schema of this code.

    Raises:
        SchemaOutOfDate: where it has not.
        NotPermitted: when the role may not look.
    """
    await _in_transaction(database_url, _compare)


async def _in_transaction(database_url: str, work: object) -> None:
    # The one way to connect is asyncpg's own, which reads the URL as the rest of the project does.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: connect(database_url), poolclass=NullPool
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(work)  # type: ignore[arg-type]
    except DBAPIError as error:
        # Alembic and SQLAlchemy show the whole statement; the reason is what PostgreSQL said.
        if error.orig and isinstance(error.orig.__cause__, asyncpg.InsufficientPrivilegeError):
            raise NotPermitted(error.orig.__cause__) from error
        raise


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _upgrade(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    config = _config()
    config.attributes["connection"] = connection
    _require_known(connection, ScriptDirectory.from_config(config))
    command.upgrade(config, "head")


def _compare(connection: Connection) -> None:
    scripts = ScriptDirectory.from_config(_config())
    current = _require_known(connection, scripts)
    if current != scripts.get_current_head():
        raise SchemaOutOfDate(current, scripts.get_current_head())


def _require_known(connection: Connection, scripts: ScriptDirectory) -> str | None:
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise SchemaOutOfDate(current, scripts.get_current_head(), known=False)
    return current
