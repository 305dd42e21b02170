"""Tests that count all rows: each has databases of its own."""

from collections.abc import AsyncIterator

import pytest

from orchestrator.database.connection import Pool, open_pool
from services.fake_group_management import FakeGroupManagement, open_fake_group_management
from services.fake_user_management import FakeUserManagement, open_fake_user_management
from settings import Endpoints
from tests.conftest import new_database
from tests.endpoints import with_database
from worker import prepare_databases


@pytest.fixture
async def endpoints(endpoints: Endpoints, postgres: str) -> Endpoints:
    """The settings of the session, with a new database for each test."""
    own = with_database(endpoints, await new_database(postgres))
    await prepare_databases(own)
    return own


@pytest.fixture
async def pool(endpoints: Endpoints) -> AsyncIterator[Pool]:
    async with await open_pool(endpoints.database_url.get_secret_value()) as pool:
        yield pool


@pytest.fixture
async def groups(endpoints: Endpoints) -> AsyncIterator[FakeGroupManagement]:
    async with open_fake_group_management(endpoints.database_url.get_secret_value()) as groups:
        yield groups


@pytest.fixture
async def users(endpoints: Endpoints) -> AsyncIterator[FakeUserManagement]:
    async with open_fake_user_management(endpoints.database_url.get_secret_value()) as users:
        yield users
