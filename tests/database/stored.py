"""Rows for a test to start with, written as the steps write them."""

from datetime import datetime
from uuid import UUID

from orchestrator.database.connection import Pool
from orchestrator.database.processes import register_process, relate_subscription
from orchestrator.database.subscriptions import insert_subscription
from orchestrator.domain.process import Process
from orchestrator.domain.subscription import SubscriptionModel
from products.product_types.user_group import USER_GROUP
from tests.examples import START, new_process, new_subscription


async def store_process(
    pool: Pool, *, started_at: datetime = START, subscription_id: UUID | None = None
) -> Process:
    """Store the trail row of a new process, optionally related to a subscription."""
    process = new_process(started_at)
    async with pool.acquire() as connection:
        await register_process(connection, process)
        if subscription_id is not None:
            await relate_subscription(connection, process.process_id, subscription_id)
    return process


async def store_subscription(
    pool: Pool, *, held_by: str | None = None, created_at: datetime = START
) -> SubscriptionModel:
    """Store an initial subscription on a user group."""
    subscription = new_subscription(held_by)
    async with pool.acquire() as connection:
        await insert_subscription(connection, USER_GROUP, subscription, created_at)
    return subscription
