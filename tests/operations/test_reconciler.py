"""The reconciler of a worker survives outages of PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest
from temporalio.client import Client

from orchestrator.database import processes
from orchestrator.database.connection import Pool, open_pool
from orchestrator.domain.process import ProcessStatus
from orchestrator.operations.own_temporal import require_own_temporal
from orchestrator.operations.reconcile import reconcile_hourly
from tests.conftest import new_database
from tests.database.stored import store_process
from tests.processes import eventually
from trials.arena import connect_to_embedded_postgres
from trials.proxy import Proxy, open_proxy

SOON = timedelta(seconds=0.05)


@pytest.fixture
async def own(client: Client, postgres: str, prepared: str) -> AsyncIterator[Pool]:
    """A database that no other reconciler reads."""
    async with await open_pool(await new_database(postgres, prepared)) as pool:
        await require_own_temporal(client, pool)
        yield pool


@pytest.fixture
async def proxy(postgres: str) -> AsyncIterator[tuple[Proxy, int]]:
    async with open_proxy(lambda: connect_to_embedded_postgres(postgres)) as opened:
        yield opened


@pytest.fixture
async def reconciler(client: Client, own: Pool, proxy: tuple[Proxy, int]) -> AsyncIterator[None]:
    """A running reconciler, started while PostgreSQL refuses every connection."""
    name = await own.fetchval("SELECT current_database()")
    async with await open_pool(f"postgresql://postgres@127.0.0.1:{proxy[1]}/{name}") as pool:
        proxy[0].refuses = True
        proxy[0].cut()
        running = asyncio.create_task(reconcile_hourly(client, pool, every=SOON, retry=SOON))
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@pytest.mark.usefixtures("reconciler")
async def test_the_reconciler_waits_for_postgresql(
    own: Pool, proxy: tuple[Proxy, int], caplog: pytest.LogCaptureFixture
) -> None:
    process = await store_process(own)
    await eventually(lambda: has_logged(caplog, "cannot reconcile now:"))
    proxy[0].refuses = False
    await eventually(lambda: is_lost(own, process.process_id))
    assert f"process {process.process_id} is lost" in caplog.text


async def has_logged(caplog: pytest.LogCaptureFixture, text: str) -> bool | None:
    return text in caplog.text or None


async def is_lost(pool: Pool, process_id: str) -> bool | None:
    async with pool.acquire() as connection:
        row = await processes.read_process(connection, process_id)
    assert row is not None
    return row.status is ProcessStatus.LOST or None
