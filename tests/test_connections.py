"""How many connections to PostgreSQL a worker takes, and what happens when none is left."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import psutil
import pytest
from pydantic import SecretStr

from cli.following import patiently
from external_systems import most_connections
from orchestrator.database.connection import NoConnectionLeft, Pool, open_pool
from services.fake_pool import FAKES_POOL_SIZE, FakePool
from settings import EXTERNAL_SYSTEMS, Endpoints
from stack.postgres import start_postgres, stop_postgres
from tests.conftest import new_database
from tests.database.structure import with_new_role
from tests.endpoints import variables, with_database
from tests.processes import Handle, Processes, eventually
from tests.starting import Program
from worker import open_worker, prepare_databases

POOL_SIZE = 2
CREATES = 20


@pytest.fixture(scope="module")
async def owner_url(endpoints: Endpoints, postgres: str) -> str:
    """A prepared database, as its owner sees it."""
    await prepare_databases(with_database(endpoints, url := await new_database(postgres)))
    return url


@pytest.fixture
async def limited(endpoints: Endpoints, owner_url: str) -> Endpoints:
    """Endpoints with a role of their own, whose connections can be limited."""
    url = await with_new_role(owner_url, f"IN ROLE {', '.join(EXTERNAL_SYSTEMS)}")
    await execute(owner_url, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role_of(url)}")
    return with_database(endpoints, url)


@pytest.fixture
async def limit(limited: Endpoints, owner_url: str) -> "Limit":
    return Limit(owner_url, role_of(limited.database_url.get_secret_value()))


class Limit:
    """Limits the connections of the role."""

    def __init__(self, owner_url: str, role: str) -> None:
        self._owner_url = owner_url
        self._role = role

    async def __call__(self, connections: int) -> None:
        await execute(
            self._owner_url,
            f"ALTER ROLE {self._role} CONNECTION LIMIT {connections}",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{self._role}'",
        )


def test_a_worker_counts_its_pool_and_one_for_all_fakes(limited: Endpoints) -> None:
    assert most_connections(limited, 10) == 10 + FAKES_POOL_SIZE


def test_fakes_with_urls_of_their_own_have_a_pool_each(limited: Endpoints) -> None:
    systems = tuple(
        one.model_copy(update={"url": SecretStr(f"postgresql://{one.name}@db/fakes")})
        for one in limited.external_systems
    )
    own = limited.model_copy(update={"external_systems": systems})
    assert most_connections(own, 10) == 10 + len(EXTERNAL_SYSTEMS) * FAKES_POOL_SIZE


def test_real_external_systems_take_no_connection(limited: Endpoints) -> None:
    systems = tuple(one.model_copy(update={"opened_by": "a:b"}) for one in limited.external_systems)
    assert most_connections(limited.model_copy(update={"external_systems": systems}), 10) == 10


async def test_a_worker_works_with_as_many_connections_as_it_says(
    limited: Endpoints, limit: Limit, processes: Processes
) -> None:
    processes.task_queue = "subscriptions"
    await limit(POOL_SIZE + FAKES_POOL_SIZE)
    async with worker_program(limited, DATABASE_POOL_SIZE=str(POOL_SIZE)) as said:
        handles = await asyncio.gather(*(processes.create_user_group() for _ in range(CREATES)))
        await asyncio.gather(*(handle.result() for handle in handles))
    assert f"takes up to {POOL_SIZE + FAKES_POOL_SIZE} connections to PostgreSQL" in said[0]
    assert "too many connections" not in said[0]


@pytest.mark.parametrize("connections", [0, 1])
async def test_a_worker_that_gets_no_connection_says_what_it_needs(
    limited: Endpoints, limit: Limit, connections: int
) -> None:
    """With 1 it checks the schema and opens its pool, but finds none left for the fakes."""
    await limit(connections)
    ended = await Program(os.environ | variables(limited) | {"DATABASE_POOL_SIZE": "5"}, ("worker.py",))()
    assert ended.code == 1
    assert re.fullmatch(
        r"worker: PostgreSQL at .* has no connection left \(too many connections for role .*\): "
        r"run fewer workers, give each a smaller DATABASE_POOL_SIZE, or raise the limit; "
        rf"this worker takes up to {5 + FAKES_POOL_SIZE} \(DATABASE_POOL_SIZE=5\)\n",
        ended.stderr,
    )


async def test_a_command_that_gets_no_connection_says_what_to_do(limited: Endpoints, limit: Limit) -> None:
    await limit(0)
    ended = await Program(os.environ | variables(limited), ("starter.py", "subscriptions"))()
    assert ended.code == 1
    assert re.fullmatch(
        r"Error: PostgreSQL at .* has no connection left .*, or raise the limit\n", ended.stderr
    )


async def test_a_running_worker_waits_until_there_are_connections(
    limited: Endpoints, limit: Limit, processes: Processes
) -> None:
    async with open_worker(processes.client, limited, task_queue=processes.task_queue) as worker, worker:
        await limit(0)
        handle = await processes.create_user_group()
        failure = await eventually(lambda: failure_of_pending(handle))
        await limit(-1)
        await handle.result()
    assert "too many connections for role" in failure


async def test_following_a_process_waits_until_there_are_connections(
    limited: Endpoints, limit: Limit
) -> None:
    async with await open_pool(limited.database_url.get_secret_value(), size=2) as pool:
        await limit(0)
        looking = asyncio.create_task(patiently(lambda: pool.fetchval("SELECT 1")))
        await asyncio.wait({looking}, timeout=0.5)
        assert not looking.done()
        await limit(-1)
        assert await looking == 1


async def test_fakes_that_share_a_connection_keep_their_roles(owner_url: str) -> None:
    async with await open_pool(owner_url, size=1) as pool:
        groups, users = FakePool(pool, "group_management"), FakePool(pool, "user_management")
        for fake, name in ((groups, "group_management"), (users, "user_management")) * 2:
            async with fake.acquire() as connection:
                assert await connection.fetchval("SELECT current_user") == name
                assert await connection.fetchval("SELECT current_schema") == name


@pytest.fixture
def small() -> Iterator[str]:
    """The URL of a server with 5 connections, 3 of which are reserved for superusers."""
    with TemporaryDirectory(prefix="small-", ignore_cleanup_errors=True) as path:
        data = Path(path) / "postgres"
        pid, _ = start_postgres(data)
        with (data / "postgresql.conf").open("a") as settings:
            settings.write("max_connections = 5\nmax_wal_senders = 0\n")
        server = psutil.Process(pid)
        server.send_signal(signal.SIGINT)
        server.wait(10)
        _, url = start_postgres(data)
        yield url
        stop_postgres(data)


async def test_every_way_to_have_no_connection_left_is_told(small: str) -> None:
    """The server itself has no more, and the last ones are for superusers, or a database has no more."""
    worker = await with_new_role(small, "")
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(await used_pool(worker))
        assert "remaining connection slots are reserved" in await refusal(worker)
        for _ in range(3):
            await stack.enter_async_context(await used_pool(small))
        assert "sorry, too many clients already" in await refusal(small)
    await execute(small, "CREATE DATABASE few CONNECTION LIMIT 0")
    few = worker.replace("/postgres?", "/few?")
    assert 'too many connections for database "few"' in await refusal(few)


async def used_pool(url: str) -> Pool:
    """Return a pool that has its one connection; the server may still count one that was just closed."""

    async def opened() -> "Pool | None":
        try:
            return await open_pool(url, size=1)
        except NoConnectionLeft:
            return None

    return await eventually(opened)


async def refusal(url: str) -> str:
    with pytest.raises(NoConnectionLeft) as refused:
        await open_pool(url)
    return str(refused.value)


@asynccontextmanager
async def worker_program(endpoints: Endpoints, **settings: str) -> AsyncIterator[list[str]]:
    """Run a worker; at the end, what it has printed is in the list."""
    said: list[str] = []
    program = await Program(os.environ | variables(endpoints) | settings, ("worker.py",)).start()
    try:
        yield said
    finally:
        program.terminate()
        async with asyncio.timeout(30):
            said.append((await program.communicate())[1].decode())


async def failure_of_pending(handle: Handle) -> str | None:
    """Return the last failure of the activity that is retried."""
    pending = (await handle.describe()).raw_description.pending_activities
    return str(pending[0].last_failure) if pending and pending[0].HasField("last_failure") else None


def role_of(url: str) -> str:
    return url.partition("//")[2].partition("@")[0]


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()
