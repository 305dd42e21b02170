from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from pydantic_core import from_json

from orchestrator.database import findings, process_lists, processes, relations, subscriptions
from orchestrator.database.connection import Pool, open_pool
from orchestrator.database.process_lists import FailedKind
from orchestrator.domain.errors import ProductNotFound
from orchestrator.domain.process import Process, ProcessStatus
from orchestrator.domain.subscription import Status, SubscriptionModel
from products.product_types.user_group import USER_GROUP
from tests.conftest import new_database
from tests.database.stored import store_process, store_subscription
from tests.examples import MINUTE, START, new_subscription


@pytest.fixture
async def own(postgres: str, prepared: str) -> AsyncIterator[Pool]:
    """A migrated database of its own."""
    async with await open_pool(await new_database(postgres, prepared)) as pool:
        yield pool


async def five_subscriptions(pool: Pool) -> list[UUID]:
    """Store five, four of them at the same time; return their ids, newest first."""
    oldest = await store_subscription(pool, created_at=START - timedelta(days=365))
    others = [await store_subscription(pool) for _ in range(4)]
    return [*sorted((one.subscription_id for one in others), reverse=True), oldest.subscription_id]


async def five_processes(pool: Pool) -> list[str]:
    """Store five, four of them at the same time; return their ids, newest first."""
    oldest = await store_process(pool, started_at=START - timedelta(days=365))
    others = [await store_process(pool) for _ in range(4)]
    return [*sorted((one.process_id for one in others), reverse=True), oldest.process_id]


async def listed(
    pool: Pool,
    *,
    status: Status | None = None,
    product: str | None = None,
    out_of_sync: bool = False,
    limit: int = 50,
    after: UUID | None = None,
) -> list[UUID]:
    async with pool.acquire() as connection:
        found = await subscriptions.list_subscriptions(
            connection, status=status, product=product, out_of_sync=out_of_sync, limit=limit, after=after
        )
    return [one.subscription_id for one in found]


async def listed_processes(
    pool: Pool,
    *,
    status: ProcessStatus | FailedKind | None = None,
    subscription_id: UUID | None = None,
    limit: int = 50,
    after: str | None = None,
) -> list[str]:
    async with pool.acquire() as connection:
        found = await process_lists.list_processes(
            connection, status=status, subscription_id=subscription_id, limit=limit, after=after
        )
    return [one.process_id for one in found]


async def terminate(pool: Pool, subscription: SubscriptionModel) -> SubscriptionModel:
    terminated = subscription.with_status(Status.TERMINATED, at=START)
    async with pool.acquire() as connection:
        await subscriptions.update_subscription(connection, terminated)
    return terminated


async def end(pool: Pool, process: Process, status: ProcessStatus) -> None:
    async with pool.acquire() as connection:
        await processes.set_process_status(connection, process.process_id, status, ended_at=START + MINUTE)


async def test_subscriptions_are_listed_newest_first_then_by_id(own: Pool) -> None:
    stored = await five_subscriptions(own)
    assert await listed(own) == stored


async def test_subscriptions_are_limited_to_the_newest(own: Pool) -> None:
    stored = await five_subscriptions(own)
    assert await listed(own, limit=2) == stored[:2]


async def test_paging_lists_each_subscription_once(own: Pool) -> None:
    stored = await five_subscriptions(own)
    pages = [await listed(own, limit=1, after=after) for after in (None, *stored)]
    assert pages == [[one] for one in stored] + [[]]


async def test_the_page_after_an_unknown_subscription_is_empty(own: Pool) -> None:
    await five_subscriptions(own)
    assert await listed(own, after=uuid4()) == []


async def test_subscriptions_are_found_by_status(own: Pool) -> None:
    _, stored = await five_subscriptions(own), await store_subscription(own)
    terminated = await terminate(own, stored)

    assert await listed(own, status=Status.TERMINATED) == [terminated.subscription_id]
    assert terminated.subscription_id not in await listed(own, status=Status.INITIAL)
    assert await listed(own, status=Status.ACTIVE) == []


async def test_subscriptions_are_found_by_product(own: Pool) -> None:
    stored = await five_subscriptions(own)
    assert await listed(own, product="User Group") == stored
    assert await listed(own, product="User internal") == []


async def test_subscriptions_are_found_by_being_out_of_sync(own: Pool) -> None:
    _, process = await five_subscriptions(own), await store_process(own)
    held = await store_subscription(own, held_by=process.process_id)
    assert await listed(own, out_of_sync=True) == [held.subscription_id]


async def test_a_filter_can_be_paged(own: Pool) -> None:
    stored = await five_subscriptions(own)
    after, limit = stored[0], 1
    assert await listed(own, status=Status.INITIAL, product="User Group", after=after, limit=limit) == [
        stored[1]
    ]


async def test_what_is_to_be_validated_is_listed_oldest_first(own: Pool) -> None:
    """What is created meanwhile comes last."""
    stored = await five_subscriptions(own)
    await own.execute("UPDATE subscriptions SET status = 'active', start_date = now(), block = '{}'")
    async with own.acquire() as connection:
        found = await findings.list_active(connection, limit=2, after=None)
        rest = await findings.list_active(connection, limit=50, after=found[-1][0])
    assert [*found, *rest] == [(one, "UserGroup") for one in reversed(stored)]


async def test_a_subscription_is_read_back_as_it_was_stored(pool: Pool) -> None:
    process = await store_process(pool)
    stored = await store_subscription(pool, held_by=process.process_id)
    async with pool.acquire() as connection:
        found = await subscriptions.read_subscription(connection, stored.subscription_id)
    assert found == subscriptions.Stored(stored, fence=1)


async def test_a_changed_subscription_has_the_class_of_its_status(pool: Pool) -> None:
    terminated = await terminate(pool, await store_subscription(pool))
    async with pool.acquire() as connection:
        found = await subscriptions.read_subscription(connection, terminated.subscription_id)
    assert found == subscriptions.Stored(terminated, fence=1)


async def test_a_value_of_a_newer_release_is_ignored_and_kept(pool: Pool) -> None:
    """Processes of two releases may work on one subscription, one after the other."""
    subscription = await store_subscription(pool)
    about = subscription.subscription_id
    add = 'UPDATE subscriptions SET block = block || \'{"colour": "red"}\' WHERE subscription_id = $1'
    await pool.execute(add, about)
    async with pool.acquire() as connection:
        stored = await subscriptions.read_subscription(connection, about)
        assert stored is not None
        await subscriptions.update_subscription(connection, stored.subscription.with_values(group_name="ops"))
    block = from_json(
        await pool.fetchval("SELECT block FROM subscriptions WHERE subscription_id = $1", about)
    )
    assert (block["group_name"], block["colour"]) == ("ops", "red")


async def test_an_unknown_subscription_is_none(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await subscriptions.read_subscription(connection, uuid4()) is None
        assert await subscriptions.lock_subscription(connection, uuid4()) is None


async def test_relations_go_in_both_directions(pool: Pool) -> None:
    group, user = await store_subscription(pool), await store_subscription(pool)
    await pool.execute(
        "INSERT INTO subscription_relations VALUES ($1, $2)", user.subscription_id, group.subscription_id
    )
    async with pool.acquire() as connection:
        of_group = await relations.relations(connection, group.subscription_id)
        of_user = await relations.relations(connection, user.subscription_id)
    assert of_group == ([user.subscription_id], [])
    assert of_user == ([], [group.subscription_id])


async def test_a_terminated_user_is_not_listed_as_a_user(pool: Pool) -> None:
    group, user = await store_subscription(pool), await store_subscription(pool)
    ids = user.subscription_id, group.subscription_id
    await pool.execute("INSERT INTO subscription_relations VALUES ($1, $2)", *ids)
    async with pool.acquire() as connection:
        before = await relations.all_relations(connection, ids)
        await terminate(pool, user)
        after = await relations.all_relations(connection, ids)
    assert before[group.subscription_id] == ([user.subscription_id], [])
    assert after == {user.subscription_id: ([], [group.subscription_id]), group.subscription_id: ([], [])}


@pytest.mark.parametrize("product", ["User Group", str(USER_GROUP), str(USER_GROUP).upper()])
async def test_a_product_is_found_by_its_name_and_by_its_uuid(pool: Pool, product: str) -> None:
    async with pool.acquire() as connection:
        assert await subscriptions.find_product(connection, product, None) == (USER_GROUP, "UserGroup")


async def test_an_unknown_product_is_refused_with_the_known_ones(pool: Pool) -> None:
    async with pool.acquire() as connection:
        with pytest.raises(ProductNotFound, match="'user group'; give one of User Group"):
            await subscriptions.find_product(connection, "user group", "UserGroup")


async def test_processes_are_listed_newest_first_then_by_id(own: Pool) -> None:
    stored = await five_processes(own)
    assert await listed_processes(own) == stored


async def test_processes_are_limited_to_the_newest(own: Pool) -> None:
    stored = await five_processes(own)
    assert await listed_processes(own, limit=2) == stored[:2]


async def test_paging_lists_each_process_once(own: Pool) -> None:
    stored = await five_processes(own)
    pages = [await listed_processes(own, limit=1, after=after) for after in (None, *stored)]
    assert pages == [[one] for one in stored] + [[]]


async def test_the_page_after_an_unknown_process_is_empty(own: Pool) -> None:
    await five_processes(own)
    assert await listed_processes(own, after="nobody") == []


async def test_processes_are_found_by_status(own: Pool) -> None:
    running, aborted = await store_process(own), await store_process(own)
    await end(own, aborted, ProcessStatus.ABORTED)

    assert await listed_processes(own, status=ProcessStatus.RUNNING) == [running.process_id]
    assert await listed_processes(own, status=ProcessStatus.ABORTED) == [aborted.process_id]


async def test_parked_processes_are_told_from_those_that_ended(own: Pool) -> None:
    parked, ended = await store_process(own), await store_process(own)
    async with own.acquire() as connection:
        await processes.set_process_status(connection, parked.process_id, ProcessStatus.FAILED)
    await end(own, ended, ProcessStatus.FAILED)
    assert await listed_processes(own, status=FailedKind.PARKED) == [parked.process_id]
    assert await listed_processes(own, status=FailedKind.PARKED, after=parked.process_id) == []
    assert len(await listed_processes(own, status=ProcessStatus.FAILED)) == 2


async def test_a_discrepancy_is_told_from_other_failures(own: Pool) -> None:
    """A validation that was given up has failed before its last step."""
    modified, different, given_up = [await store_process(own) for _ in range(3)]
    await own.execute("UPDATE processes SET target = 'VALIDATE' WHERE process_id <> $1", modified.process_id)
    for process in (modified, different, given_up):
        await end(own, process, ProcessStatus.FAILED)
    async with own.acquire() as connection:
        await processes.insert_step(connection, given_up.process_id, processes.END, new_subscription(), START)
    assert await listed_processes(own, status=FailedKind.DISCREPANCY) == [different.process_id]
    assert await listed_processes(own, status=FailedKind.DISCREPANCY, subscription_id=uuid4()) == []


async def test_processes_are_found_by_subscription(pool: Pool) -> None:
    _, subscription_id = await store_process(pool), uuid4()
    first = await store_process(pool, subscription_id=subscription_id)
    second = await store_process(pool, subscription_id=subscription_id, started_at=START + MINUTE)
    expected = [second.process_id, first.process_id]
    assert await listed_processes(pool, subscription_id=subscription_id) == expected


async def test_a_process_is_read_back_as_it_was_registered(pool: Pool) -> None:
    process = await store_process(pool, subscription_id=(subscription_id := uuid4()))
    async with pool.acquire() as connection:
        row = await processes.read_process(connection, process.process_id)
    assert row is not None
    assert (row.created_by, row.reason, row.started_at) == ("alice", "a new team", START)
    assert (row.subscription_id, row.status, row.ended_at) == (subscription_id, ProcessStatus.RUNNING, None)


async def test_an_unknown_process_is_none(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await processes.read_process(connection, "nobody") is None
