"""A subscription and a process are found by what a person types of them."""

from uuid import UUID, uuid4

import pytest

from orchestrator.database import lookup, processes, subscriptions
from orchestrator.database.connection import Pool
from orchestrator.domain.process import Process
from orchestrator.domain.subscription import SubscriptionModel
from products.product_types.user_group import USER_GROUP
from tests.database.stored import store_process, store_subscription
from tests.examples import START, new_process, new_subscription


async def subscriptions_of(pool: Pool, text: str) -> list[UUID]:
    async with pool.acquire() as connection:
        return await lookup.find_subscriptions(connection, text, 11)


async def processes_of(pool: Pool, text: str, limit: int = 11) -> list[str]:
    async with pool.acquire() as connection:
        return await lookup.find_processes(connection, text, limit)


async def store_named(pool: Pool, process_id: str) -> Process:
    process = new_process().model_copy(update={"process_id": process_id})
    async with pool.acquire() as connection:
        await processes.register_process(connection, process)
    return process


async def store_described(pool: Pool, description: str) -> SubscriptionModel:
    subscription = new_subscription().model_copy(update={"description": description})
    async with pool.acquire() as connection:
        await subscriptions.insert_subscription(connection, USER_GROUP, subscription, START)
    return subscription


@pytest.mark.parametrize("digits", [8, 9, 12, 14, 35, 36])
async def test_a_subscription_is_found_by_its_beginning(pool: Pool, digits: int) -> None:
    wanted = (await store_subscription(pool)).subscription_id
    assert await subscriptions_of(pool, str(wanted)[:digits]) == [wanted]
    assert await subscriptions_of(pool, str(wanted)[:digits].upper()) == [wanted]
    assert await subscriptions_of(pool, wanted.hex[:digits]) == [wanted]


@pytest.mark.parametrize("text", ["xyz1", "-", "", "1-23", "0" * 33, "64f731c2_"])
async def test_what_begins_no_id_finds_nothing(pool: Pool, text: str) -> None:
    assert await subscriptions_of(pool, text) == []


@pytest.mark.parametrize("name", ["ops", "𝒳" * 2000])
async def test_a_subscription_is_found_by_its_description(pool: Pool, name: str) -> None:
    description = f"User Group {name} {uuid4()}"
    wanted = await store_described(pool, description)
    assert await subscriptions_of(pool, description) == [wanted.subscription_id]
    assert await subscriptions_of(pool, description[:-1]) == []


async def test_subscriptions_with_one_description_are_all_found(pool: Pool) -> None:
    description = f"User Group {uuid4()}"
    stored = [await store_described(pool, description) for _ in range(2)]
    assert await subscriptions_of(pool, description) == sorted(one.subscription_id for one in stored)


async def test_a_process_is_found_by_a_beginning_of_its_id(pool: Pool) -> None:
    wanted = (await store_process(pool)).process_id
    assert await processes_of(pool, wanted) == [wanted]
    assert await processes_of(pool, wanted[:-8]) == [wanted]


@pytest.mark.parametrize("digits", [8, 13, 36])
async def test_a_process_is_found_by_its_random_part(pool: Pool, digits: int) -> None:
    wanted = (await store_process(pool)).process_id
    assert await processes_of(pool, wanted.removeprefix("create_user_group-")[:digits]) == [wanted]


@pytest.mark.parametrize("name", ["ticket-{}", "a_b-{}", "Ürümqi {}", "50%-{}", "\U0010ffff{}"])
async def test_a_process_is_found_by_the_start_of_a_name(pool: Pool, name: str) -> None:
    """The order of the database's language ignores some of these characters."""
    tag = uuid4().hex
    wanted = await store_named(pool, name.format(tag) + "-" + "x" * 50)
    assert await processes_of(pool, name.format(tag)) == [wanted.process_id]
    assert await processes_of(pool, name.format(tag)[:-1].upper()) == []


async def test_what_is_found_is_limited(pool: Pool) -> None:
    tag = uuid4().hex
    for number in range(3):
        await store_named(pool, f"{tag}-{number}-{'x' * 50}")
    assert len(await processes_of(pool, tag, limit=2)) == 2
