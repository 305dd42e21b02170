"""The fixtures of all tests: a real Temporal that skips time, a real PostgreSQL, a worker of `worker.py`."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncpg
import hypothesis
import pytest
from temporalio.client import Client
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from external_systems import open_external_systems
from orchestrator.database.connection import Pool, open_pool
from orchestrator.operations.own_temporal import require_own_temporal
from orchestrator.temporal import search_attributes
from orchestrator.temporal.plugin import subscriptions_plugin
from services.fake_group_management import FakeGroupManagement
from services.fake_system import FakeSystem
from settings import Endpoints, Settings
from stack.postgres import start_postgres, stop_postgres
from stack.temporal_server import FAST_QUEUES, dynamic_config, find_temporal_cli
from tests.endpoints import variables
from tests.moments import Moments
from tests.processes import Processes
from tests.starting import Starter
from trials.scim_server import open_scim_server
from worker import open_worker, prepare_databases

if TYPE_CHECKING:  # the tutorial runs tests before there are users
    from services.fake_user_management import FakeUserManagement

for name, sequences in {"default": 30, "ci": 200, "long": 1000, "fuzz": 5000}.items():
    hypothesis.settings.register_profile(name, max_examples=sequences, deadline=None)
hypothesis.settings.load_profile("default")

# The tests start hundreds of programs, which are faster if they share their bytecode.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell starts background jobs with Ctrl-C ignored, and every program that a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

LONGEST = ("test_model.py", "test_readme.py", "test_races.py", "test_embedded.py", "test_aborts.py")
"""The slowest files, which begin first so that all processes of pytest-xdist end at about the same time."""

WITHOUT_DISK = ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
"""Makes PostgreSQL not wait for the disk: only a crash of the machine could tell, and no test does that."""

TIME_SKIPPING = {
    "frontend.WorkflowTimeSkippingEnabled": "true",
    "history.timerProcessorMaxTimeShift": '"10ms"',  # with the default, each skip takes a second
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def directory() -> Iterator[Path]:
    # A short path, because it contains PostgreSQL's socket.
    with tempfile.TemporaryDirectory(prefix="tests-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture(scope="session")
async def postgres(directory: Path) -> AsyncIterator[str]:
    _, url = start_postgres(directory / "postgres")
    connection = await asyncpg.connect(url)
    for statement in WITHOUT_DISK:
        await connection.execute(statement)
    await connection.close()
    yield url
    stop_postgres(directory / "postgres")


@pytest.fixture(scope="session")
async def database_url(postgres: str) -> str:
    """An empty database."""
    return await new_database(postgres)


@pytest.fixture(scope="session")
async def prepared(postgres: str) -> str:
    """The URL of an empty database at the version of this code. Tests copy it, and never connect to it."""
    database_url = await new_database(postgres)
    await prepare_databases(Settings().at(temporal_address="127.0.0.1:1", database_url=database_url))
    return database_url


@pytest.fixture(scope="session")
async def temporal(directory: Path) -> AsyncIterator[WorkflowEnvironment]:
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(max_session_skip_count=5000),  # after 200 (default) it silently stops
        dev_server_existing_path=find_temporal_cli(directory),
        dev_server_extra_args=dynamic_config(FAST_QUEUES | TIME_SKIPPING),
        search_attributes=search_attributes.ALL,
        plugins=[subscriptions_plugin()],
    )
    async with environment:
        yield environment
    await asyncio.sleep(0.05)  # the SDK's threads may still need the interpreter for a moment


@pytest.fixture(scope="session")
def client(temporal: WorkflowEnvironment) -> Client:
    return temporal.client


@pytest.fixture(scope="session")
async def endpoints(client: Client, database_url: str) -> Endpoints:
    address = client.service_client.config.target_host
    endpoints = Settings().at(temporal_address=address, database_url=database_url)
    await prepare_databases(endpoints)
    async with await open_pool(database_url, size=1) as pool:
        await require_own_temporal(client, pool)  # as the first program would
    return endpoints


# The fixtures below connect to `endpoints`: a test with other endpoints overrides only that fixture.
@pytest.fixture
async def pool(endpoints: Endpoints) -> AsyncIterator[Pool]:
    async with await open_pool(endpoints.database_url.get_secret_value()) as pool:
        yield pool


@pytest.fixture
async def fakes(endpoints: Endpoints) -> AsyncIterator[dict[str, Any]]:
    """Every fake external system, by name; their faults are cleared after the test."""
    async with open_external_systems(endpoints) as fakes:
        yield fakes
        for fake in fakes.values():
            await fake.system.clear_faults()


@pytest.fixture(scope="session")
async def scim_server() -> AsyncIterator[int]:
    """The port of a SCIM server that stores the attributes of this project."""
    async with open_scim_server() as port:
        yield port


@pytest.fixture
def groups(fakes: dict[str, Any]) -> FakeGroupManagement:
    groups: FakeGroupManagement = fakes["group_management"]
    return groups


@pytest.fixture
def users(fakes: dict[str, Any]) -> "FakeUserManagement":
    users: FakeUserManagement = fakes["user_management"]
    return users


@pytest.fixture
def systems(fakes: dict[str, Any]) -> list[FakeSystem]:
    """The fakes of all external systems, without their typed methods."""
    return [fake.system for fake in fakes.values()]


@pytest.fixture
def task_queue() -> str:
    return f"subscriptions-{uuid4()}"


@pytest.fixture
def moments() -> Moments:
    """The acts of this test at the moments of the steps."""
    return Moments()


@pytest.fixture
async def worker(
    client: Client, endpoints: Endpoints, task_queue: str, moments: Moments
) -> AsyncIterator[None]:
    async with open_worker(client, endpoints, task_queue=task_queue, at_moment=moments) as worker, worker:
        yield


@pytest.fixture
def processes(client: Client, task_queue: str, pool: Pool) -> Processes:
    """Starts processes for the worker of this test, and reads their outcome."""
    return Processes(client, task_queue, pool)


@pytest.fixture(scope="session")
def environment(endpoints: Endpoints) -> dict[str, str]:
    return os.environ | variables(endpoints)


@pytest.fixture(scope="session")
def starter_without_worker(environment: dict[str, str]) -> Starter:
    return Starter(environment)


# Scope `module`, because `test_worker.py` needs the same task queue without this worker.
@pytest.fixture(scope="module")
async def starter(
    client: Client, endpoints: Endpoints, environment: dict[str, str]
) -> AsyncIterator[Starter]:
    async with open_worker(client, endpoints) as worker, worker:
        yield Starter(environment)


async def new_database(postgres: str, copied: str | None = None) -> str:
    """Create a database on the server; return its URL.

    Args:
        copied: URL of the database that it becomes a copy of, which is much faster than to fill it; `None`
            means an empty one.
    """
    name = f"test_{uuid4().hex}"
    template = "template1" if copied is None else copied.partition("?")[0].rpartition("/")[2]
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    await connection.close()
    return postgres.replace("/postgres?", f"/{name}?")
