"""The gauges that a worker reads from PostgreSQL and Temporal."""

import pytest
from temporalio.client import Client, WorkflowFailureError

from orchestrator.database.connection import Pool
from orchestrator.database.counts import count_subscriptions
from orchestrator.database.migrate import known_versions
from orchestrator.database.schema import read_fit
from orchestrator.operations.gauges import Gauges
from orchestrator.temporal import metrics as names
from services.fake_group_management import FakeGroupManagement
from tests.observability.recorded import RecordedMetrics
from tests.processes import Processes


@pytest.fixture
def metrics() -> RecordedMetrics:
    return RecordedMetrics()


@pytest.mark.usefixtures("worker")
async def test_a_discrepancy_is_shown(
    client: Client, pool: Pool, processes: Processes, groups: FakeGroupManagement, metrics: RecordedMetrics
) -> None:
    gauges = Gauges(client, pool, metrics, known_versions())
    await gauges.read()
    before = metrics.shown[names.OUT_OF_SYNC]["discrepancy",]
    group = await processes.active_group("Shown")
    await groups.system.tamper(group, {"group_name": "Changed"})
    with pytest.raises(WorkflowFailureError):
        await (await processes.start("validate_user_group", group)).result()
    await gauges.read()
    assert metrics.shown[names.OUT_OF_SYNC]["discrepancy",] == before + 1
    assert metrics.shown[names.MISSING] == {(): 0}
    assert metrics.shown[names.BYTES]["process_steps",] > 0
    assert set(metrics.shown[names.PROCESSES]) == {("running",), ("parked",), ("waiting",)}


@pytest.mark.usefixtures("worker")
async def test_subscriptions_are_counted_by_status(pool: Pool, processes: Processes) -> None:
    async with pool.acquire() as connection:
        before = await count_subscriptions(connection)
        await processes.active_group("Counted")
        after = await count_subscriptions(connection)
    active = ("User Group", "active", True)
    assert after[active] == before.get(active, 0) + 1


async def test_an_old_schema_is_shown(client: Client, pool: Pool, metrics: RecordedMetrics) -> None:
    await Gauges(client, pool, metrics, [*known_versions(), "9998", "9999"]).read()
    assert metrics.shown[names.MISSING] == {(): 2}
    assert names.OUT_OF_SYNC not in metrics.shown


async def test_a_schema_of_another_release_is_too_new(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert (await read_fit(connection, ["0000"])).too_new
        assert not (await read_fit(connection, known_versions())).too_new
