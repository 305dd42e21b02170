"""Tests that count all rows: each has databases of its own."""

import pytest

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
