"""PostgreSQL fails over to its standby, which lacks the last commits, or lacks none."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from cli.restored import catch_up
from orchestrator.domain.subscription import Status
from tests.alone.restoring import SLOW, Site
from tests.alone.standby import Pair, opened_pair
from tests.conftest import new_database
from tests.processes import eventually
from worker import prepare_databases

pytestmark = pytest.mark.exhaustive

LOAD = 40
"""Number of creates during which the primary is killed."""


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with opened_pair() as pair:
        yield pair


@pytest.fixture
async def site(pair: Pair, postgres: str) -> AsyncIterator[Site]:
    """The database of the subscriptions is on the pair; the external systems are elsewhere."""
    async with Site.opened(postgres, await new_database(pair.primary_url)) as site:
        await pair.add_standby()
        url = pair.url(site.endpoints.database_url.get_secret_value())
        site.endpoints = site.endpoints.model_copy(update={"database_url": SecretStr(url)})
        await prepare_databases(site.endpoints)  # as `make migrate` does with both hosts in its URL
        yield site


async def test_a_standby_that_lacks_commits_catches_up(site: Site, pair: Pair) -> None:
    async with site.running() as at:
        kept = await at.processes.active_group("Kept")
        await pair.stop_replication()
        moment = site.now()
        lost = await at.processes.active_group("Lost")
        await (await at.processes.start("modify_user_group", kept, group_name="Renamed")).result()
        there = await at.outside()

        await pair.fail_over()

        # The same worker goes on with the new primary.
        assert await at.processes.find(lost) is None
        assert (await at.processes.read(kept)).description == "User Group Kept"
        assert await catch_up(site.endpoints, moment, dry_run=False) == 0
        assert (await at.processes.read(lost)).status is Status.ACTIVE
        assert (await at.processes.read(kept)).description == "User Group Renamed"
        assert await at.outside() == there
        assert [one for one in await at.findings() if one.kind in {"loss", "orphan"}] == []


async def test_a_synchronous_standby_loses_nothing(site: Site, pair: Pair) -> None:
    await pair.replicate_synchronously()
    async with site.running() as at:

        async def some_are_done() -> bool | None:
            return len(await at.outside()) >= LOAD // 4 or None

        handles = [await at.processes.create_user_group(f"Group {one}") for one in range(LOAD)]
        await eventually(some_are_done, seconds=SLOW)
        await pair.fail_over()
        async with asyncio.timeout(SLOW * 2):
            await asyncio.gather(*(handle.result() for handle in handles))
        assert await at.findings() == []
