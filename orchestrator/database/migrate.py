"""Migrate the database to the schema of this code, and check that it has it."""

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
from orchestrator.database.schema import LOCK, SchemaOutOfDate, SchemaVersion, fits

R = TypeVar("R")


async def migrate(database_url: str) -> bool:
    """Apply the missing migrations; return whether the schema is now exactly that of this release.

    `False` means that a newer release migrated it and this code can work with it: nothing is changed.
    Idempotent. Several processes may call it at once: they take turns.

    Raises:
        SchemaOutOfDate: when a newer release migrated the schema, and this code cannot work with it.
        NotPermitted: when the role may not change the schema.
    """
    return await _in_transaction(database_url, _upgrade)


async def require_current_schema(database_url: str) -> SchemaVersion:
    """Return the version of the schema: that of this code, or a newer one that this code can work with.

    During a rolling upgrade the schema is already the newer one. A worker of the older release must still
    be able to restart: its parked processes, perhaps weeks old, wait for that release and for no other.

    Raises:
        SchemaOutOfDate: when the schema is missing, older, or newer and not compatible.
        NotPermitted: when the role may not read it.
    """
    return await _in_transaction(database_url, _compare)


def known_versions() -> list[str]:
    """Return the versions of the schema that this code knows, oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


async def _in_transaction(database_url: str, work: Callable[[Connection], R]) -> R:
    # Connect with asyncpg itself: it reads the URL in the same way as the rest of the project.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: connect(database_url), poolclass=NullPool
    )
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    except DBAPIError as error:
        # SQLAlchemy's message shows the whole statement; PostgreSQL's own message is the reason.
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
    _store_what_fits(connection, scripts)
    return True


def _compare(connection: Connection) -> SchemaVersion:
    scripts = ScriptDirectory.from_config(_config())
    current, head = _current(connection), scripts.get_current_head()
    known = _require_known(connection, scripts)
    if current is None or head is None or (known and current != head):
        raise SchemaOutOfDate(current, head)
    return SchemaVersion(current, head)


def _require_known(connection: Connection, scripts: ScriptDirectory) -> bool:
    """Return whether this code has the schema's migration; if not, the schema is newer but compatible.

    Raises:
        SchemaOutOfDate: when the schema is newer and not compatible.
    """
    current, known = _current(connection), {script.revision for script in scripts.walk_revisions()}
    if current is None or current in known:
        return True
    said = connection.scalar(text("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')"))
    if said not in {fits(current, oldest) for oldest in known}:
        raise SchemaOutOfDate(current, scripts.get_current_head(), known=False)
    return False


def _store_what_fits(connection: Connection, scripts: ScriptDirectory) -> None:
    # Stored in the database, as a comment: older code must know it, but does not have the migrations.
    oldest = next(
        script.revision
        for script in scripts.walk_revisions()  # the newest first
        if script.down_revision is None or not getattr(script.module, "only_adds", False)
    )
    comment = fits(scripts.get_current_head(), oldest)
    quoted = connection.scalar(text("SELECT quote_literal(:comment)"), {"comment": comment})
    connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS {quoted}")


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
