import asyncio
import re

import asyncpg
import pytest

from orchestrator.database.connection import NO_ANSWER, DatabaseUnreachable, Pool, open_pool, transaction
from tests.conftest import new_database
from tests.database.stored import store_process
from trials.arena import connect_to_embedded_postgres
from trials.proxy import open_proxy

PASSWORD = "opensesame"


@pytest.mark.parametrize(
    ("database_url", "address"),
    [
        ("postgresql://somebody:opensesame@127.0.0.1:1/subscriptions", "127.0.0.1:1, database subscriptions"),
        ("postgresql://somebody:opensesame@/subscriptions?host=/nowhere", "/nowhere, database subscriptions"),
        ("postgresql://127.0.0.1:1/subscriptions?password=opensesame", "127.0.0.1:1, database subscriptions"),
        (
            "postgresql://somebody:opensesame@127.0.0.1:1",
            "127.0.0.1:1, database of the same name as the user",
        ),
        ("mysql://somebody:opensesame@127.0.0.1/subscriptions", "127.0.0.1, database subscriptions"),
    ],
)
async def test_the_error_shows_the_address_and_no_password(database_url: str, address: str) -> None:
    with pytest.raises(DatabaseUnreachable, match=re.escape(address)) as refusal:
        await open_pool(database_url)
    assert PASSWORD not in str(refusal.value)


@pytest.mark.parametrize("splitter", "/?#@:[]")
async def test_the_error_shows_no_part_of_a_password_with_a_separator(splitter: str) -> None:
    database_url = f"postgresql://somebody:{PASSWORD}{splitter}{PASSWORD}@127.0.0.1:1/subscriptions"
    with pytest.raises(DatabaseUnreachable) as refusal:
        await open_pool(database_url)
    assert PASSWORD not in str(refusal.value)


@pytest.mark.parametrize(
    "database_url",
    [
        "postgresql://127.0.0.1:1/subscriptions?password=open@opensesame",
        "postgresql://somebody:opensesame",
        "host=/nowhere password=opensesame",
        "host=127.0.0.1 password=opensesame",
        "somebody:opensesame/subscriptions",
    ],
)
async def test_the_error_shows_no_part_of_a_misplaced_password(database_url: str) -> None:
    with pytest.raises(DatabaseUnreachable, match="it may contain the password") as refusal:
        await open_pool(database_url)
    assert PASSWORD not in str(refusal.value)


async def test_the_error_says_what_to_do() -> None:
    with pytest.raises(DatabaseUnreachable, match='"make up", or set DATABASE_URL'):
        await open_pool("postgresql://127.0.0.1:1/subscriptions")


async def test_a_database_that_does_not_exist_is_named(postgres: str) -> None:
    database_url = (await new_database(postgres)).replace("/test_", "/missing_")
    with pytest.raises(DatabaseUnreachable, match=r"database missing_.*does not exist"):
        await open_pool(database_url)


async def test_an_unknown_user_is_refused(postgres: str) -> None:
    database_url = postgres.replace("//postgres@", "//nobody:opensesame@")
    with pytest.raises(DatabaseUnreachable, match='role "nobody" does not exist'):
        await open_pool(database_url)


async def test_a_pool_survives_an_outage_without_logging(
    postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_proxy(lambda: connect_to_embedded_postgres(postgres)) as (proxy, port):
        pool = await open_pool(f"postgresql://postgres@127.0.0.1:{port}/postgres")
        assert await pool.fetchval("SELECT 1") == 1
        proxy.refuses = True
        proxy.cut()
        with pytest.raises((OSError, asyncpg.PostgresConnectionError)):
            await pool.fetchval("SELECT 1")
        await asyncio.sleep(0.1)
        proxy.refuses = False
        assert await pool.fetchval("SELECT 1") == 1
        await pool.close()
    assert caplog.text == ""


async def test_locks_of_a_silent_connection_are_released(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL ends a transaction whose client stays silent."""
    monkeypatch.setattr("orchestrator.database.connection.ABANDONED_AFTER", 1.0)
    async with await open_pool(postgres) as silent, await open_pool(postgres) as pool:
        # The error of asyncpg depends on when it reads the last message of the server.
        with pytest.raises((*NO_ANSWER, asyncpg.PostgresError)):
            await lock_and_say_nothing(silent, pool)
        assert await silent.fetchval("SELECT 1") == 1


async def lock_and_say_nothing(silent: Pool, pool: Pool) -> None:
    async with transaction(silent) as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(4711)")
        async with asyncio.timeout(10):
            await pool.execute("SELECT pg_advisory_xact_lock(4711)")
        await connection.execute("SELECT 1")


async def test_an_error_rolls_the_transaction_back(pool: Pool) -> None:
    process = await store_process(pool)
    with pytest.raises(ZeroDivisionError):
        await rename_and_fail(pool, process.process_id)

    row = await pool.fetchrow("SELECT workflow FROM processes WHERE process_id = $1", process.process_id)
    assert row is not None
    assert row["workflow"] == "create_user_group"


async def rename_and_fail(pool: Pool, process_id: str) -> None:
    async with transaction(pool) as connection:
        await connection.execute(
            "UPDATE processes SET workflow = 'renamed' WHERE process_id = $1", process_id
        )
        raise ZeroDivisionError
