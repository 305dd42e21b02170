"""Tests that count all rows: each has databases of its own."""

from collections.abc import AsyncIterator

import pytest

from orchestrator.database.connection import Pool, open_pool
from services.fake_group_management import FakeGroupManagement, open_fake_group_management
from services.fake_user_management import FakeUserManagement, open_fake_user_management
from settings import Settings
from tests.conftest import new_database
from worker import prepare_databases


@pytest.fixture
async def settings(settings: Settings, postgres: str) -> Settings:
    """The settings of the session, with a new database for each test."""
    own = settings.model_copy(update={"database_url": await new_database(postgres)})
    await prepare_databases(own)
    return own


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Pool]:
    assert settings.database_url is not None
    async with await open_pool(settings.database_url) as pool:
        yield pool


@pytest.fixture
async def groups(settings: Settings) -> AsyncIterator[FakeGroupManagement]:
    assert settings.database_url is not None
    async with open_fake_group_management(settings.database_url) as groups:
        yield groups


@pytest.fixture
async def users(settings: Settings) -> AsyncIterator[FakeUserManagement]:
    assert settings.database_url is not None
    async with open_fake_user_management(settings.database_url) as users:
        yield users
