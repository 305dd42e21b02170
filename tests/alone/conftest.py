"""Tests that count all rows: each has databases of its own."""

import os
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from settings import Endpoints
from tests.conftest import new_database
from tests.endpoints import variables, with_database
from tests.starting import Starter
from worker import open_worker


@pytest.fixture
async def endpoints(endpoints: Endpoints, postgres: str, prepared: str) -> Endpoints:
    """The settings of the session, with a new database for each test."""
    return with_database(endpoints, await new_database(postgres, prepared))


@pytest.fixture
async def starter(client: Client, endpoints: Endpoints) -> AsyncIterator[Starter]:
    """The starter, with a worker on this database."""
    async with open_worker(client, endpoints) as worker, worker:
        yield Starter(os.environ | variables(endpoints))
