"""What the gate reads and locks of the subscriptions that are related to the one it judges."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID, uuid4

import asyncpg
import pytest

from orchestrator.database import relations
from orchestrator.database.connection import Connection, Pool, open_pool, transaction
from orchestrator.domain.gate import Subject
from tests.conftest import new_database
from tests.database.stored import store_subscription
from tests.processes import eventually

Read = Callable[[Connection, UUID], Awaitable[Subject]]


@pytest.fixture
async def pool(postgres: str, prepared: str) -> AsyncIterator[Pool]:
    """A database of its own: nobody else could build these users."""
    async with await open_pool(await new_database(postgres, prepared)) as pool:
        yield pool


async def read(connection: Connection, subscription_id: UUID) -> Subject:
    return await relations.read_subject(connection, subscription_id)


async def lock(connection: Connection, subscription_id: UUID) -> Subject:
    return await relations.lock_subject(connection, subscription_id, {})


async def group_with_users(pool: Pool, users: int) -> UUID:
    """Store a group, and users whose block is empty: to build one of them would fail."""
    group_id = (await store_subscription(pool)).subscription_id
    for _ in range(users):
        await add_user(pool, group_id)
    return group_id


async def add_user(pool: Pool, group_id: UUID) -> UUID:
    await pool.execute(
        """
        INSERT INTO subscriptions (
            subscription_id, product_id, customer_id, description, status, version, fence, block, created_at,
            start_date
        )
        SELECT $1, product_id, $1, 'User', 'active', 1, 1, '{}', now(), now()
        FROM products
        WHERE name = 'User internal'
        """,
        user_id := uuid4(),
    )
    await pool.execute("INSERT INTO subscription_relations VALUES ($1, $2)", user_id, group_id)
    return user_id


async def statements(pool: Pool, look: Read, subscription_id: UUID) -> list[str]:
    """Return the statements by which the subject of the gate is read."""
    said: list[str] = []
    async with transaction(pool) as connection:
        await look(connection, subscription_id)  # asyncpg asks for the types, the first time
        with connection.query_logger(lambda record: said.append(record.query)):
            await look(connection, subscription_id)
    return said


@pytest.mark.parametrize("look", [read, lock])
async def test_related_subscriptions_are_not_built(pool: Pool, look: Read) -> None:
    group_id = await group_with_users(pool, users=3)
    async with transaction(pool) as connection:
        subject = await look(connection, group_id)
    assert subject.subscription.product.type == "UserGroup"
    assert [(user.description, user.insync) for user in subject.in_use_by] == [("User", True)] * 3


@pytest.mark.parametrize("look", [read, lock])
async def test_a_group_with_many_users_needs_no_more_statements(pool: Pool, look: Read) -> None:
    few = await statements(pool, look, await group_with_users(pool, users=1))
    many = await statements(pool, look, await group_with_users(pool, users=50))
    assert len(many) == len(few)


async def test_every_related_subscription_is_locked(pool: Pool) -> None:
    group_id = await group_with_users(pool, users=3)
    async with transaction(pool) as connection:
        subject = await lock(connection, group_id)
        for one in (group_id, *(user.subscription_id for user in subject.in_use_by)):
            with pytest.raises(asyncpg.LockNotAvailableError):
                await pool.execute(
                    "SELECT FROM subscriptions WHERE subscription_id = $1 FOR SHARE NOWAIT", one
                )
    assert subject.depends_on == []


async def test_a_locked_group_can_be_referred_to(pool: Pool) -> None:
    """A user who joins waits for the lock of the gate, but no insertion of a reference does."""
    group_id = await group_with_users(pool, users=1)
    async with transaction(pool) as connection:
        await lock(connection, group_id)
        await pool.execute(
            "SELECT FROM subscriptions WHERE subscription_id = $1 FOR KEY SHARE NOWAIT", group_id
        )


async def test_relations_that_change_meanwhile_are_locked_too(pool: Pool) -> None:
    group_id = await group_with_users(pool, users=1)
    async with transaction(pool) as other:
        await lock(other, group_id)
        waiting = asyncio.create_task(locked_users(pool, group_id))
        await eventually(lambda: is_waiting(pool))
        user_id = await add_user(pool, group_id)
    assert user_id in await waiting


async def locked_users(pool: Pool, group_id: UUID) -> list[UUID]:
    async with transaction(pool) as connection:
        return [user.subscription_id for user in (await lock(connection, group_id)).in_use_by]


async def is_waiting(pool: Pool) -> bool | None:
    """Return whether a statement in this database waits for a lock."""
    waiting: bool | None = await pool.fetchval(
        """
        SELECT true
        FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
        """
    )
    return waiting
