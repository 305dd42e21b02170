"""The restricted role of a worker suffices for all of its work."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from catalogue import CatalogueEntry
from cli.fencing import fence_by
from orchestrator.database import bulk_rows, notes, retention
from orchestrator.database.connection import Pool, transaction
from orchestrator.database.grants import grant_to_worker
from orchestrator.database.notes import Note
from orchestrator.database.processes import TrailEvent
from orchestrator.domain.process import ProcessStatus, Target
from orchestrator.operations.own_temporal import adopt_temporal, require_own_temporal
from orchestrator.operations.reconcile import reconcile
from orchestrator.operations.set_in_sync import set_in_sync
from services.errors import FakeNotUsable
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import Endpoints
from tests.bulks import start_bulk, store_bulk
from tests.conftest import new_database
from tests.database.structure import with_new_role
from tests.endpoints import with_database
from tests.lifecycles import EVERY, Lifecycle, label
from tests.processes import Processes
from worker import open_worker, prepare_databases


@pytest.fixture(scope="module")
async def endpoints(endpoints: Endpoints, postgres: str) -> Endpoints:
    """The settings of a worker with one role for the subscriptions and others for the external systems."""
    database_url = await new_database(postgres)
    await prepare_databases(with_database(endpoints, database_url))
    worker = await with_new_role(database_url, "")
    await grant_to_worker(database_url, worker.partition("//")[2].partition("@")[0])
    systems = [
        system.model_copy(
            update={"url": SecretStr(await with_new_role(database_url, f"IN ROLE {system.name}"))}
        )
        for system in endpoints.external_systems
    ]
    return Endpoints(
        temporal=endpoints.temporal, database_url=SecretStr(worker), external_systems=tuple(systems)
    )


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("entry", "target"), EVERY, ids=label)
async def test_the_role_suffices_for_every_workflow(
    entry: CatalogueEntry, target: Target, processes: Processes
) -> None:
    lifecycle = Lifecycle(processes, entry, target)
    process_id, subscription_id, fields = await lifecycle.prepare()
    handle = await lifecycle.start(process_id, fields)
    await handle.result()
    row = await processes.row(handle)
    assert row is not None
    assert row.status is ProcessStatus.COMPLETED
    assert (await processes.read(subscription_id)).insync


@pytest.mark.usefixtures("worker")
async def test_the_role_suffices_to_change_the_group_of_a_user(processes: Processes) -> None:
    user = await processes.active_user(await processes.active_group("Before"))
    after = await processes.active_group("After")
    await (await processes.start("modify_user", user, group=str(after))).result()
    assert (await processes.read(user)).block.owners() == {"group": after}


@pytest.mark.usefixtures("worker")
async def test_the_role_suffices_to_park_retry_and_roll_back(
    processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Network operators"))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    await processes.retry(handle, by="alice")
    await processes.until_parked(handle, times=2)
    await handle.cancel()
    await processes.until_closed(handle)
    row = await processes.row(handle)
    assert row is not None
    assert row.status is ProcessStatus.ABORTED


@pytest.mark.usefixtures("worker")
async def test_the_role_suffices_to_reconcile_and_set_in_sync(
    processes: Processes, groups: FakeGroupManagement, pool: Pool, endpoints: Endpoints
) -> None:
    await groups.system.order(Fault(kind="reject", name="Network operators"))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    await handle.terminate()
    lost = await reconcile(processes.client, pool)
    subscription_id = processes.subscription_id(handle)
    mended = await set_in_sync(
        processes.client,
        pool,
        subscription_id,
        fence=fence_by(endpoints, pool),
        by="alice",
        reason="looked",
    )
    assert [row.process_id for row in lost] == [handle.id]
    assert mended.insync


@pytest.mark.usefixtures("worker")
async def test_the_role_suffices_to_clean_up(
    processes: Processes, groups: FakeGroupManagement, pool: Pool
) -> None:
    group_id = await processes.active_group()
    await (await processes.start("validate_user_group", group_id)).result()
    await groups.system.tamper(group_id, None)
    await processes.until_closed(
        await processes.client.start_workflow(
            "validate_subscriptions", {}, id=f"validate-{uuid4()}", task_queue=processes.task_queue
        )
    )
    done = await processes.client.execute_workflow(
        "clean_up",
        {},
        id=f"clean_up-{uuid4()}",
        task_queue=processes.task_queue,
        start_delay=timedelta(days=31),
    )
    assert min(done["folded"], done["dropped"], done["findings"]) > 0
    async with pool.acquire() as connection:
        assert (await retention.count_due(connection, datetime.now(UTC))).findings == 0


@pytest.mark.usefixtures("worker")
async def test_the_role_suffices_to_leave_notes(processes: Processes, pool: Pool) -> None:
    handle = await processes.create_user_group()
    await handle.result()
    wanted, at = processes.subscription_id(handle), datetime.now(UTC)
    event = TrailEvent(event="noted", step=None, by="alice", reason="a", at=at)
    async with transaction(pool) as connection:
        assert await notes.note_subscription(connection, wanted, Note(by="alice", note="a", at=at))
        assert await notes.note_process(connection, handle.id, event)
    assert (await processes.read(wanted)).note == "a"


@pytest.mark.usefixtures("worker")
async def test_the_role_suffices_to_apply_a_file(processes: Processes, pool: Pool) -> None:
    bulk_id = await store_bulk(pool, 2)
    handle = await start_bulk(processes, bulk_id)
    await handle.result()
    async with pool.acquire() as connection:
        assert await bulk_rows.run_again(connection, bulk_id) == 0
        assert not await bulk_rows.has_more(connection, bulk_id)


async def test_the_role_suffices_to_adopt_another_temporal(processes: Processes, pool: Pool) -> None:
    await adopt_temporal(processes.client, pool)
    await require_own_temporal(processes.client, pool)


async def test_the_role_cannot_read_an_external_system(processes: Processes, endpoints: Endpoints) -> None:
    same = tuple(system.model_copy(update={"url": None}) for system in endpoints.external_systems)
    without = endpoints.model_copy(update={"external_systems": same})
    with pytest.raises(FakeNotUsable, match=r'set role "group_management".* or set GROUP_MANAGEMENT_URL'):
        async with open_worker(processes.client, without):
            pass
