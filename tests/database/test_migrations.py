import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError

from orchestrator.database import migrate as migrations
from orchestrator.database.connection import DatabaseUnreachable, Pool, open_pool
from orchestrator.database.grants import RoleNotFit
from orchestrator.database.migrate import migrate, require_current_schema
from orchestrator.database.schema import SchemaOutOfDate
from services.fake_group_management import NAME
from services.fake_schema import create_fake_system
from settings import Settings
from tests.conftest import new_database
from tests.database.stored import store_process, store_subscription
from tests.database.structure import structure, with_new_role
from worker import prepare_databases

NextRelease = Callable[..., AbstractContextManager[None]]
MIGRATION = """\
from alembic import op

revision, down_revision = {revision!r}, {last!r}
{line}


def upgrade():
    op.execute("CREATE TABLE IF NOT EXISTS added (a int)")
"""
NOBODY_LISTENS = "postgresql://somebody:opensesame@127.0.0.1:1/subscriptions"


@pytest.fixture
async def empty(postgres: str) -> str:
    """The URL of an empty database."""
    return await new_database(postgres)


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NextRelease:
    """Add migrations, as the next release would; each line goes into a migration."""

    @contextmanager
    def released(*lines: str) -> Iterator[None]:
        config = migrations._config()
        last = ScriptDirectory.from_config(config).get_current_head()
        shutil.copytree(Path(migrations.__file__).parent / "migrations", tmp_path / "migrations")
        for number, line in enumerate(lines):
            text = MIGRATION.format(revision=f"next {number}", last=last, line=line)
            (tmp_path / "migrations" / "versions" / f"next_{number}.py").write_text(text)
            last = f"next {number}"
        config.set_main_option("script_location", str(tmp_path / "migrations"))
        with monkeypatch.context() as patched:
            patched.setattr(migrations, "_config", lambda: config)
            yield

    return released


async def downgrade(database_url: str, to: str = "base") -> None:
    """Downgrade every migration, or those after this one."""

    def work(connection: Connection) -> None:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.downgrade(config, to)

    await migrations._in_transaction(database_url, work)


async def set_version(database_url: str, version: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE alembic_version SET version_num = $1", version)
    await connection.close()


async def test_migrating_twice_changes_nothing(empty: str) -> None:
    await migrate(empty)
    once = await structure(empty)

    await migrate(empty)

    assert await structure(empty) == once
    assert "table subscriptions owned by postgres" in once


async def test_migrating_keeps_the_data(empty: str) -> None:
    await migrate(empty)
    async with await open_pool(empty) as pool:
        subscription = await store_subscription(pool)

        await migrate(empty)

        assert (
            await pool.fetchval("SELECT subscription_id FROM subscriptions") == subscription.subscription_id
        )


async def test_two_concurrent_migrations_both_succeed(empty: str, database_url: str, pool: Pool) -> None:
    async with asyncio.timeout(30):
        await asyncio.gather(migrate(empty), migrate(empty))

    await require_current_schema(empty)
    assert await structure(empty) == await structure(database_url)


async def test_an_empty_database_is_refused_with_the_command(empty: str) -> None:
    with pytest.raises(SchemaOutOfDate, match=r'The database is empty, .* run "make migrate"'):
        await require_current_schema(empty)


async def test_a_migrated_database_is_accepted(empty: str) -> None:
    await migrate(empty)
    await require_current_schema(empty)


async def test_an_unknown_schema_version_is_refused_and_named(empty: str) -> None:
    await migrate(empty)
    await set_version(empty, "of tomorrow")

    with pytest.raises(SchemaOutOfDate, match=r"at version of tomorrow, .*: use the release"):
        await require_current_schema(empty)


async def test_a_newer_schema_that_only_adds_is_accepted(empty: str, next_release: NextRelease) -> None:
    """Older workers run on during a rolling upgrade."""
    with next_release("only_adds = True"):
        await migrate(empty)
    before = await structure(empty)

    await require_current_schema(empty)
    assert not await migrate(empty)

    assert any("table added" in line for line in before)
    assert await structure(empty) == before


async def test_an_older_release_revokes_no_rights_of_a_newer_one(
    empty: str, next_release: NextRelease
) -> None:
    endpoints = Settings().at(temporal_address="127.0.0.1:1", database_url=empty)
    role = (await with_new_role(empty, "")).partition("//")[2].partition("@")[0]
    with next_release("only_adds = True"):
        await prepare_databases(endpoints, worker_role=role)
    with pytest.raises(RoleNotFit, match="A newer release has made this schema"):
        await prepare_databases(endpoints, worker_role=role)


@pytest.mark.parametrize("releases", [("",), ("", "only_adds = True"), ("only_adds = True", "")])
async def test_a_newer_schema_that_changes_something_is_refused(
    empty: str, next_release: NextRelease, releases: tuple[str, ...]
) -> None:
    with next_release(*releases):
        await migrate(empty)

    with pytest.raises(SchemaOutOfDate, match="use the release"):
        await require_current_schema(empty)
    with pytest.raises(SchemaOutOfDate, match="use the release"):
        await migrate(empty)


async def test_checking_the_schema_writes_nothing(empty: str) -> None:
    with pytest.raises(SchemaOutOfDate):
        await require_current_schema(empty)

    assert await structure(empty) == []


async def test_a_downgrade_leaves_only_the_version_table(empty: str) -> None:
    await migrate(empty)
    await downgrade(empty)

    assert [line for line in await structure(empty) if "alembic_version" not in line] == []
    with pytest.raises(SchemaOutOfDate, match="make migrate"):
        await require_current_schema(empty)


async def test_a_downgrade_keeps_steps_without_results(empty: str) -> None:
    """The older release must find their rows: it would run them again."""
    await migrate(empty)
    async with await open_pool(empty) as pool:
        process = await store_process(pool)
        await pool.execute("INSERT INTO process_steps VALUES ($1, 'resync', NULL, now())", process.process_id)
        await downgrade(empty, "0008")
        assert await pool.fetchval("SELECT result FROM process_steps") == "null"


async def test_an_upgrade_after_a_downgrade_gives_the_same_schema(empty: str) -> None:
    await migrate(empty)
    before = await structure(empty)

    await downgrade(empty)
    await migrate(empty)

    assert await structure(empty) == before


async def test_a_failed_migration_changes_nothing(empty: str) -> None:
    connection = await asyncpg.connect(empty)
    await connection.execute("CREATE TABLE subscription_relations (in_the_way text)")
    await connection.close()
    before = await structure(empty)

    with pytest.raises(ProgrammingError, match='"subscription_relations" already exists'):
        await migrate(empty)

    assert await structure(empty) == before


async def test_migrations_leave_the_schema_of_the_fake_alone(empty: str) -> None:
    await create_fake_system(empty, NAME)
    before = await structure(empty, NAME)

    await migrate(empty)
    await downgrade(empty)

    assert before
    assert await structure(empty, NAME) == before


async def create_fake(database_url: str) -> None:
    await create_fake_system(database_url, NAME)


@pytest.mark.parametrize("prepare", [migrate, require_current_schema, create_fake])
async def test_preparing_an_unreachable_database_names_its_address(
    prepare: Callable[[str], Awaitable[None]],
) -> None:
    with pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1:1, database subscriptions"):
        await prepare(NOBODY_LISTENS)
