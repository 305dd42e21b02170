"""Tests that count everything there is: each has databases in which nothing else happens."""

import pytest

from settings import Endpoints
from tests.conftest import new_database
from tests.endpoints import with_database
from worker import prepare_databases


@pytest.fixture
async def endpoints(endpoints: Endpoints, postgres: str) -> Endpoints:
    """Those of the session, with a database of its own for each test."""
    own = with_database(endpoints, await new_database(postgres))
    await prepare_databases(own)
    return own
