"""Processes whose steps the test calls itself."""

from uuid import uuid4

import pytest

from orchestrator.database.connection import Pool
from services.fake_group_management import FakeGroupManagement
from tests.activities.stepwise import Stepwise


@pytest.fixture
def creation(pool: Pool, groups: FakeGroupManagement) -> Stepwise:
    """A create process before its first step."""
    return Stepwise(pool, groups)


@pytest.fixture
def intruder(pool: Pool, groups: FakeGroupManagement, creation: Stepwise) -> Stepwise:
    """A process that acts on the subscription of `creation` without holding it."""
    process = Stepwise(pool, groups).process
    return Stepwise(pool, groups, process.model_copy(update={"subscription_id": creation.subscription_id}))


@pytest.fixture
def namesake(pool: Pool, groups: FakeGroupManagement, creation: Stepwise) -> Stepwise:
    """Another execution with the process id of `creation`."""
    other_run = {"first_execution_run_id": str(uuid4())}
    return Stepwise(pool, groups, creation.process.model_copy(update=other_run))
