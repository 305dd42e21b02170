"""The copy of the project with two more products, its worker, and the system of letter boxes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.database.connection import Pool, open_pool
from orchestrator.temporal.task_queue import TASK_QUEUE
from services.fake_system import FakeSystem, open_fake_system
from settings import Endpoints
from tests.conftest import new_database
from tests.scaffold.project import Project, make_copy, running
from tests.starting import Program

SYSTEM = "letter_box_management"


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("project")
    make_copy(copy)
    return copy


@pytest.fixture(scope="module")
async def project(
    copy: Path, endpoints: Endpoints, environment: dict[str, str], postgres: str
) -> AsyncIterator[Project]:
    database_url = await new_database(postgres)
    own = environment | {"DATABASE_URL": database_url}
    async with running(Program(own, ("worker.py",), copy)):
        starter = Program(own, ("starter.py",), copy)
        yield Project(database_url, starter, Program(own, ("-m", "cli.faults", SYSTEM), copy))


@pytest.fixture
async def system(project: Project) -> AsyncIterator[FakeSystem]:
    """The system of letter boxes; its faults are cleared after the test."""
    async with open_fake_system(project.database_url, SYSTEM) as system:
        yield system
        await system.clear_faults()


# With these two, the fixture `processes` of `tests/conftest.py` starts processes for the worker of the copy.
@pytest.fixture
def task_queue() -> str:
    return TASK_QUEUE


@pytest.fixture(scope="module")
async def pool(project: Project) -> AsyncIterator[Pool]:
    async with await open_pool(project.database_url) as pool:
        yield pool
