"""Bring the database to the schema that this code was written for."""

from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

_LOCK = 5_801_947_117  # any number, the same in every process


class SchemaOutOfDate(RuntimeError):
    """The database is at another version of the schema than this code."""

    def __init__(self, current: str | None, head: str | None) -> None:
        found = f"at version {current}" if current else "empty"
        super().__init__(f'The database is {found}, this code needs {head}: run "make migrate"')


async def migrate(database_url: str) -> None:
    """Apply the migrations that are missing; what is applied stays as it is.

    May run in several processes at once: they take turns.
    """
    await _in_transaction(database_url, _upgrade)


async def require_current_schema(database_url: str) -> None:
    """Do nothing where the database has the schema of this code.

    Raises:
        SchemaOutOfDate: where it has not.
    """
    await _in_transaction(database_url, _compare)


async def _in_transaction(database_url: str, work: object) -> None:
    # The one way to connect is asyncpg's own, which reads the URL as the rest of the project does.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(database_url), poolclass=NullPool
    )
    async with engine.begin() as connection:
        await connection.run_sync(work)  # type: ignore[arg-type]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _upgrade(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _compare(connection: Connection) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if current != head:
        raise SchemaOutOfDate(current, head)
