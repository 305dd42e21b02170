"""Bring the database to the schema that this code was written for."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from orchestrator.database.connection import NotPermitted, connect
from orchestrator.database.schema import SchemaOutOfDate

R = TypeVar("R")

LOCK = 5_801_947_117
"""Held by whoever changes the schema, or who may do what in it; any number, the same in every process."""


async def migrate(database_url: str) -> bool:
    """Apply the migrations that are missing; what is applied stays as it is, also by a newer release.

    Returns whether the schema is that of this release now, and of no newer one.

    May run in several processes at once: they take turns.

    Raises:
        SchemaOutOfDate: where a newer release has made the schema, and this code cannot live with it.
        NotPermitted: when the role may not.
    """
    return await _in_transaction(database_url, _upgrade)


async def require_current_schema(database_url: str) -> None:
    """Do nothing where the database has the schema of this code, or a newer one that it can live with.

    While a release is rolled out the schema is the newer one already, and a worker of the older release may
    have to start again: its processes, parked perhaps for weeks, wait for it and for no other.

    Raises:
        SchemaOutOfDate: where it has not.
        NotPermitted: when the role may not look.
    """
    await _in_transaction(database_url, _compare)


async def _in_transaction(database_url: str, work: Callable[[Connection], R]) -> R:
    # The one way to connect is asyncpg's own, which reads the URL as the rest of the project does.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: connect(database_url), poolclass=NullPool
    )
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    except DBAPIError as error:
        # Alembic and SQLAlchemy show the whole statement; the reason is what PostgreSQL said.
        if error.orig and isinstance(error.orig.__cause__, asyncpg.InsufficientPrivilegeError):
            raise NotPermitted(error.orig.__cause__) from error
        raise


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _upgrade(connection: Connection) -> bool:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    config = _config()
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    if not _require_known(connection, scripts):
        return False
    command.upgrade(config, "head")
    _say_what_fits(connection, scripts)
    return True


def _compare(connection: Connection) -> None:
    scripts = ScriptDirectory.from_config(_config())
    if _require_known(connection, scripts) and _current(connection) != scripts.get_current_head():
        raise SchemaOutOfDate(_current(connection), scripts.get_current_head())


def _require_known(connection: Connection, scripts: ScriptDirectory) -> bool:
    """Return whether this code made the schema; if not, it is a newer one that this code can live with."""
    current, known = _current(connection), {script.revision for script in scripts.walk_revisions()}
    if current is None or current in known:
        return True
    said = connection.scalar(text("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')"))
    if said not in {_fits(current, oldest) for oldest in known}:
        raise SchemaOutOfDate(current, scripts.get_current_head(), known=False)
    return False


def _say_what_fits(connection: Connection, scripts: ScriptDirectory) -> None:
    # In the database, as a comment: the code that has to know it is older than the migrations.
    oldest = next(
        script.revision
        for script in scripts.walk_revisions()  # the newest first
        if script.down_revision is None or not getattr(script.module, "only_adds", False)
    )
    comment = _fits(scripts.get_current_head(), oldest)
    quoted = connection.scalar(text("SELECT quote_literal(:comment)"), {"comment": comment})
    connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS {quoted}")


def _fits(current: str | None, oldest: str) -> str:
    return f"{current} fits code from {oldest} on"


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
