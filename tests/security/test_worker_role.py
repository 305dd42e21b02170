"""A worker whose role may do its work, and nothing else, does all of it."""

from collections.abc import AsyncIterator

import pytest

from catalogue import CatalogueEntry
from cli.fencing import fence_by
from orchestrator.database.connection import DatabaseUnreachable, Pool, open_pool
from orchestrator.database.grants import grant_to_worker
from orchestrator.domain.process import ProcessStatus, Target
from orchestrator.operations.own_temporal import adopt_temporal, require_own_temporal
from orchestrator.operations.reconcile import reconcile
from orchestrator.operations.set_in_sync import set_in_sync
from services.fake_group_management import FakeGroupManagement, open_fake_group_management
from services.fake_system import Fault
from settings import Settings
from tests.conftest import new_database
from tests.database.structure import with_new_role
from tests.lifecycles import EVERY, Lifecycle, label
from tests.processes import Processes
from worker import open_activities, prepare_databases


@pytest.fixture(scope="module")
async def settings(settings: Settings, postgres: str) -> Settings:
    """Of a worker with a role for the subscriptions, and with other roles for the external systems."""
    owner = settings.model_copy(update={"database_url": await new_database(postgres)})
    await prepare_databases(owner)
    assert owner.database_url is not None
    worker = await with_new_role(owner.database_url, "")
    await grant_to_worker(owner.database_url, worker.partition("//")[2].partition("@")[0])
    systems = [
        system.model_copy(update={"url": await with_new_role(owner.database_url, f"IN ROLE {system.name}")})
        for system in owner.external_systems
    ]
    return owner.model_copy(update={"database_url": worker, "external_systems": tuple(systems)})


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Pool]:
    assert settings.database_url is not None
    async with await open_pool(settings.database_url) as pool:
        yield pool


@pytest.fixture
async def groups(settings: Settings) -> AsyncIterator[FakeGroupManagement]:
    url = settings.external_system("group_management").url
    assert url is not None
    async with open_fake_group_management(url) as groups:
        yield groups
        await groups.system.clear_faults()


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("entry", "target"), EVERY, ids=label)
async def test_it_is_enough_for_every_workflow(
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
async def test_it_is_enough_to_change_the_group_of_a_user(processes: Processes) -> None:
    user = await processes.active_user(await processes.active_group("Before"))
    after = await processes.active_group("After")
    await (await processes.start("modify_user", user, group=str(after))).result()
    assert (await processes.read(user)).block.owners() == {"group": after}


@pytest.mark.usefixtures("worker")
async def test_it_is_enough_to_park_to_retry_and_to_roll_back(
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
async def test_it_is_enough_to_find_what_is_lost_and_to_set_it_in_sync(
    processes: Processes, groups: FakeGroupManagement, pool: Pool, settings: Settings
) -> None:
    await groups.system.order(Fault(kind="reject", name="Network operators"))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    await handle.terminate()
    lost = await reconcile(processes.client, pool)
    subscription_id = processes.subscription_id(handle)
    mended = await set_in_sync(
        processes.client, pool, subscription_id, fence=fence_by(settings), by="alice", reason="looked"
    )
    assert [row.process_id for row in lost] == [handle.id]
    assert mended.insync


async def test_it_is_enough_to_move_to_another_temporal(processes: Processes, pool: Pool) -> None:
    await adopt_temporal(processes.client, pool)
    await require_own_temporal(processes.client, pool)


async def test_it_is_not_enough_for_an_external_system(processes: Processes, settings: Settings) -> None:
    same = tuple(system.model_copy(update={"url": None}) for system in settings.external_systems)
    with pytest.raises(DatabaseUnreachable, match='permission denied to set role "group_management"'):
        async with open_activities(processes.client, settings.model_copy(update={"external_systems": same})):
            pass
