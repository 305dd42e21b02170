"""The fake keeps its state in its own schema, under a role that can read nothing else."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from orchestrator.database.connection import Pool
from services.fake_group_management import NAME, FakeGroupManagement, open_fake_group_management
from services.fake_schema import create_fake_system
from services.fake_system import open_fake_system
from tests.conftest import new_database
from tests.database.structure import structure, with_new_role

TABLES_OF_SUBSCRIPTIONS = [
    "alembic_version",
    "bulk_rows",
    "bulks",
    "external_systems",
    "process_events",
    "process_steps",
    "processes",
    "products",
    "subscription_notes",
    "subscription_relations",
    "subscriptions",
    "temporal_namespace",
    "validation_findings",
    "validation_summaries",
]


@pytest.mark.parametrize("table", TABLES_OF_SUBSCRIPTIONS)
async def test_the_fake_cannot_see_the_tables_of_the_subscriptions(
    groups: FakeGroupManagement, table: str
) -> None:
    async with groups.system._pool.acquire() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f"permission denied for table {table}"):
            await connection.fetch(f"SELECT FROM public.{table}")


async def test_every_table_of_the_subscriptions_is_tested(pool: Pool) -> None:
    rows = await pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
    assert [row["tablename"] for row in rows] == TABLES_OF_SUBSCRIPTIONS


async def test_the_tables_of_the_fake_are_not_on_the_search_path(pool: Pool) -> None:
    assert await pool.fetchval("SELECT to_regclass('records')") is None
    assert await pool.fetchval("SELECT to_regclass('group_management.records')") is not None


async def test_the_fake_owns_its_tables(groups: FakeGroupManagement) -> None:
    async with groups.system._pool.acquire() as connection:
        rows = await connection.fetch(
            """
            SELECT tablename, schemaname, tableowner
            FROM pg_tables
            WHERE tableowner = current_user
            ORDER BY tablename
            """
        )
    assert [tuple(row) for row in rows] == [
        ("changes", NAME, NAME),
        ("faults", NAME, NAME),
        ("records", NAME, NAME),
    ]


async def test_creating_the_fake_twice_keeps_its_data(postgres: str) -> None:
    await create_fake_system(database_url := await new_database(postgres), NAME)
    async with open_fake_group_management(database_url) as groups:
        group = await groups.provision_group(subscription_id := uuid4(), "ops", token=3)

        await create_fake_system(database_url, NAME)

        assert await groups.find_group(subscription_id) == group


async def test_the_fake_can_be_created_concurrently(postgres: str) -> None:
    """Two callers and two databases of one server share the role."""
    name, databases = f"fake_{uuid4().hex}", [await new_database(postgres) for _ in range(2)]

    await asyncio.gather(*(create_fake_system(database_url, name) for database_url in databases * 2))

    one, other = [await structure(database_url, name) for database_url in databases]
    assert one == other
    assert f"table records owned by {name}" in one


async def test_two_fakes_on_one_server_are_independent(postgres: str) -> None:
    database_url, names = await new_database(postgres), [f"fake_{uuid4().hex}" for _ in range(2)]
    for name in names:
        await create_fake_system(database_url, name)
    async with (
        open_fake_system(database_url, names[0]) as one,
        open_fake_system(database_url, names[1]) as other,
    ):
        await one.provision(subscription_id := uuid4(), {"group_name": "ops"}, token=1)
        assert await other.find(subscription_id) is None
        async with other._pool.acquire() as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f"schema {names[0]}"):
                await connection.fetch(f"SELECT FROM {names[0]}.records")


async def test_the_fake_can_be_created_without_a_superuser(postgres: str) -> None:
    """A role that may create roles and schemas suffices for the fake and for the migrations."""
    database_url = await with_new_role(await new_database(postgres), "CREATEROLE")
    await create_fake_system(database_url, name := f"fake_{uuid4().hex}")
    async with open_fake_system(database_url, name) as system:
        assert await system.count() == 0
