"""The generator leaves what steps leave: all of it can be read and worked on."""

from collections import Counter
from collections.abc import AsyncIterator
from random import Random

import pytest
from pydantic_core import from_json

from catalogue import CATALOGUE, workflow_type, workflows
from external_systems import open_external_systems
from orchestrator.database import process_lists, relations, subscriptions
from orchestrator.database.connection import Pool, open_pool
from orchestrator.database.processes import TrailRow
from orchestrator.domain.process import ProcessStatus, Target
from orchestrator.domain.subscription import Status, SubscriptionModel
from services.fake_group_management import FakeGroupManagement
from settings import Endpoints, Settings
from tests.conftest import new_database
from trials.bench.sql import SqlOfProcesses
from trials.growth.filling import BLOCK, fill, process_id, subscription_id
from trials.inputs import Inputs, Known
from trials.workload import Start
from worker import prepare_databases

GROUP = subscription_id(3)


@pytest.fixture(scope="module")
async def endpoints(postgres: str) -> Endpoints:
    """A database of its own with one block."""
    endpoints = Settings().at(temporal_address="127.0.0.1:1", database_url=await new_database(postgres))
    await prepare_databases(endpoints)
    await fill(endpoints.database_url.get_secret_value(), blocks=1)
    return endpoints


@pytest.fixture
async def pool(endpoints: Endpoints) -> AsyncIterator[Pool]:
    async with await open_pool(endpoints.database_url.get_secret_value(), size=1) as pool:
        yield pool


async def every_subscription(pool: Pool) -> list[SubscriptionModel]:
    async with pool.acquire() as connection:
        return await subscriptions.list_subscriptions(connection, limit=2 * BLOCK)


async def every_process(pool: Pool) -> list[TrailRow]:
    async with pool.acquire() as connection:
        return await process_lists.list_processes(connection, limit=4 * BLOCK)


async def test_every_subscription_can_be_read(pool: Pool) -> None:
    found = await every_subscription(pool)
    assert [one.subscription_id for one in found] == [
        subscription_id(number) for number in reversed(range(BLOCK))
    ]
    assert set(Counter(one.status for one in found)) == set(Status)
    assert Counter(one.product.type for one in found) == {"UserGroup": 20, "User": 980}
    assert sum(one.status is Status.ACTIVE for one in found) > 0.8 * BLOCK
    assert 0 < sum(not one.insync for one in found) < 0.01 * BLOCK


async def test_every_subscription_has_relations_for_the_gate(pool: Pool) -> None:
    async with pool.acquire() as connection:
        subjects = [await relations.read_subject(connection, subscription_id(one)) for one in range(BLOCK)]
    users = [len(one.in_use_by) for one in subjects if one.subscription.product.type == "UserGroup"]
    assert (users[0], users[-2:]) == (225, [26, 0])
    assert sum(users) == 980
    assert {len(one.depends_on) for one in subjects[20:]} == {1}


async def test_every_subscription_has_three_processes(pool: Pool) -> None:
    found = await every_process(pool)
    assert set(Counter(one.subscription_id for one in found).values()) == {3}
    assert {one.status for one in found} == set(ProcessStatus) - {ProcessStatus.SCHEDULED}
    assert {one.target for one in found} == set(Target)
    assert process_id("create_user", 300, 1) in {one.process_id for one in found}


async def test_every_completed_process_has_all_steps(pool: Pool) -> None:
    rows = await pool.fetch("SELECT process_id, array_agg(step) AS steps FROM process_steps GROUP BY 1")
    steps = {row["process_id"]: set(row["steps"]) for row in rows}
    expected = {workflow_type(one): {step.key for step in one.sequence} for one in workflows()}
    completed = [one for one in await every_process(pool) if one.status is ProcessStatus.COMPLETED]
    assert {one.process_id for one in completed if steps[one.process_id] != expected[one.workflow]} == set()


async def test_every_stored_subscription_can_be_read(pool: Pool) -> None:
    """The ledger keeps it in the first and in the last step of a process, the trail before a change."""
    results = [from_json(row[0]) for row in await pool.fetch("SELECT result FROM process_steps")]
    found = [one.get("subscription", one) for one in results if one is not None]
    images = [one for one in found if "product" in one]
    images += [
        from_json(row[0])
        for row in await pool.fetch("SELECT before_image FROM processes")
        if row[0] is not None
    ]
    assert len(images) > 7 * BLOCK
    assert {SubscriptionModel.model_validate(one).status for one in images} == set(Status) - {
        Status.TERMINATED
    }


async def test_every_foreign_key_holds(pool: Pool) -> None:
    """The generator does not check them: PostgreSQL does when they are made again."""
    keys = await pool.fetch(
        """
        SELECT format('ALTER TABLE %s ADD CONSTRAINT again_%s %s', conrelid::regclass, oid,
                      pg_get_constraintdef(oid))
        FROM pg_constraint
        WHERE contype = 'f' AND connamespace = 'public'::regnamespace
        """
    )
    assert len(keys) > 5
    for (statement,) in keys:
        await pool.execute(statement)


async def test_a_filled_subscription_can_be_modified(endpoints: Endpoints, pool: Pool) -> None:
    async with (
        open_external_systems(endpoints) as systems,
        SqlOfProcesses.open(CATALOGUE[0], endpoints) as sql,
    ):
        groups: FakeGroupManagement = systems["group_management"]
        await groups.provision_group(GROUP, "name-0000003", token=1)
        fields = Inputs(Random(0)).on(
            CATALOGUE[0], Target.MODIFY, Known(GROUP, {"group_name": "name-0000003"}), {}
        )
        await sql.run(Start(CATALOGUE[0], Target.MODIFY, fields))
    async with pool.acquire() as connection:
        stored = await subscriptions.read_subscription(connection, GROUP)
    assert stored is not None
    assert (stored.subscription.version, stored.subscription.insync) == (2, True)
