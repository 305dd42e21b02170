"""The role of a worker may do no more than it needs; `tests/security` tests that it may do enough."""

import re
from uuid import uuid4

import asyncpg
import pytest

from orchestrator.database.connection import NotPermitted, connect, open_pool
from orchestrator.database.grants import RoleNotFit, grant_to_worker
from orchestrator.database.migrate import migrate, require_current_schema
from services.fake_schema import create_fake_system
from tests.conftest import new_database
from tests.database.structure import with_new_role


@pytest.fixture(scope="module")
async def owner(postgres: str) -> str:
    """The database for its owner, with a fake external system beside the subscriptions."""
    await migrate(database_url := await new_database(postgres))
    await create_fake_system(database_url, "group_management")
    return database_url


@pytest.fixture(scope="module")
async def worker(owner: str) -> str:
    """The database for a worker."""
    worker = await with_new_role(owner, "")
    await grant_to_worker(owner, role_of(worker))
    return worker


async def test_a_worker_may_read_the_version_of_the_schema(worker: str) -> None:
    await require_current_schema(worker)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more ()",
        "CREATE TEMPORARY TABLE more ()",
        "CREATE SCHEMA more",
        "CREATE FUNCTION more() RETURNS integer LANGUAGE sql RETURN 1",
        "CREATE ROLE more",
        "CREATE DATABASE more",
        "ALTER TABLE subscriptions ADD COLUMN more text",
        "ALTER TABLE subscriptions DISABLE TRIGGER ALL",
        "CREATE INDEX ON subscriptions (note)",
        "DROP TABLE process_events",
        "TRUNCATE process_events",
        "TRUNCATE processes, process_steps",
        "DELETE FROM process_events",
        "UPDATE process_events SET reason = NULL",
        "UPDATE process_steps SET committed_at = now()",
        "DELETE FROM validation_summaries",
        "DELETE FROM subscriptions",
        "DELETE FROM subscription_notes",
        "UPDATE subscription_notes SET note = NULL",
        "UPDATE subscription_relations SET depends_on = NULL",
        "DELETE FROM temporal_namespace",
        "DELETE FROM external_systems",
        "INSERT INTO products VALUES (gen_random_uuid(), 'a', 'a', 'a', 'a')",
        "UPDATE products SET name = NULL",
        "UPDATE alembic_version SET version_num = '0001'",
        "SELECT FROM group_management.records",
        "INSERT INTO group_management.faults (kind) VALUES ('unreachable')",
        "SET ROLE group_management",
        "SET ROLE postgres",
        "COPY subscriptions TO PROGRAM 'true'",
        "SELECT pg_read_file('PG_VERSION')",
    ],
)
async def test_a_worker_may_not(statement: str, worker: str) -> None:
    connection = await connect(worker)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_worker_that_migrates_is_told_who_may(worker: str, owner: str) -> None:
    connection = await connect(owner)
    await connection.execute("UPDATE alembic_version SET version_num = '0002'")
    with pytest.raises(
        NotPermitted, match=r"must be owner of table products: migrate as the owner of the database"
    ):
        await migrate(worker)
    await connection.execute("UPDATE alembic_version SET version_num = '0004'")
    await connection.close()


async def test_a_role_without_rights_is_told_how_to_get_them(owner: str) -> None:
    stranger = await with_new_role(owner, "")
    with pytest.raises(NotPermitted, match=r"permission denied for table alembic_version: .*--grant-to ROLE"):
        await require_current_schema(stranger)


async def test_further_rights_of_the_role_are_revoked(owner: str) -> None:
    role = role_of(worker := await with_new_role(owner, ""))
    async with await open_pool(owner) as pool:
        await pool.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
        await pool.execute(f"GRANT ALL ON SCHEMA public TO {role}")
    await grant_to_worker(owner, role)
    async with await open_pool(worker) as pool:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute("CREATE TABLE more ()")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute("DELETE FROM subscriptions")


@pytest.mark.parametrize("times", [1, 2])
async def test_granting_again_changes_nothing(times: int, owner: str, worker: str) -> None:
    async with await open_pool(owner) as pool:
        before = await rights(pool, role_of(worker))
        for _ in range(times):
            await grant_to_worker(owner, role_of(worker))
        assert await rights(pool, role_of(worker)) == before


@pytest.mark.parametrize(
    "might", ["SUPERUSER", "CREATEROLE", "CREATEDB", "IN ROLE postgres", "IN ROLE group_management"]
)
async def test_a_role_with_more_rights_is_refused(might: str, owner: str) -> None:
    mighty = role_of(await with_new_role(owner, might))
    with pytest.raises(RoleNotFit, match=rf"'{mighty}' could do more than a worker needs: it may act as "):
        await grant_to_worker(owner, mighty)


async def test_a_role_with_more_rights_through_public_is_refused(owner: str) -> None:
    role = role_of(await with_new_role(owner, ""))
    async with await open_pool(owner) as pool:
        await pool.execute("GRANT TRUNCATE ON process_events TO PUBLIC")
        with pytest.raises(RoleNotFit, match="it may TRUNCATE process_events"):
            await grant_to_worker(owner, role)
        await pool.execute("REVOKE TRUNCATE ON process_events FROM PUBLIC")


@pytest.mark.parametrize("name", ["missing", "public", "current_user", 'x"; DROP TABLE products; --'])
async def test_an_unknown_role_is_refused(name: str, owner: str) -> None:
    with pytest.raises(RoleNotFit, match=re.escape(f"There is no role {name!r}: create it first")):
        await grant_to_worker(owner, name)


async def test_a_role_with_any_name_can_be_granted_to(owner: str) -> None:
    name = f'Worker "{uuid4()}"; --'
    async with await open_pool(owner) as pool:
        await pool.execute('CREATE ROLE "' + name.replace('"', '""') + '"')
        await grant_to_worker(owner, name)
        assert await rights(pool, name)


def role_of(database_url: str) -> str:
    return database_url.partition("//")[2].partition("@")[0]


async def rights(pool: "asyncpg.Pool[asyncpg.Record]", role: str) -> list[tuple[str, str]]:
    rows = await pool.fetch(
        """
        SELECT table_name, privilege_type
        FROM information_schema.role_table_grants
        WHERE grantee = $1
        ORDER BY 1, 2
        """,
        role,
    )
    return [(row["table_name"], row["privilege_type"]) for row in rows]
