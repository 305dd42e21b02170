"""Set a subscription in sync by hand, if no open process holds it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from temporalio.client import Client

from orchestrator.database import processes, relations, subscriptions
from orchestrator.database.connection import Connection, Pool, transaction
from orchestrator.database.processes import TrailEvent
from orchestrator.database.subscriptions import Stored
from orchestrator.domain.errors import DomainError, InvalidInput
from orchestrator.domain.gate import SubscriptionNotFound
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.operations.own_temporal import require_own_temporal
from orchestrator.temporal.executions import closed_as

PATIENCE = timedelta(seconds=30)
"""How long to wait for an external system to take a fencing token."""

NO_REASON = "set-in-sync needs a reason: say in one line what you have looked at or repaired"

Fence: TypeAlias = Callable[[str, UUID, int], Awaitable[None]]
"""Tells the external system of a product type to refuse calls for a subscription with a lower token.

Its arguments are the product type, the id of the subscription, and the token.
"""


class HolderIsOpen(DomainError):
    """The process that holds the subscription is still open."""

    def __init__(self, subscription_id: UUID, holder: str) -> None:
        super().__init__(
            f"Subscription {subscription_id} has still failed processes with id's: ['{holder}']; "
            f'"starter.py process {holder}" shows what to do'
        )


class NotFenced(DomainError):
    """The external system did not take the new fencing token; the subscription stays locked."""

    def __init__(self, subscription_id: UUID, cause: Exception) -> None:
        super().__init__(
            f"Subscription {subscription_id} stays locked: its external system did not take the new fencing "
            f"token ({str(cause) or type(cause).__name__}), so a late call could still change it; "
            "run set-in-sync again when the system answers"
        )


class ChangedMeanwhile(DomainError):
    """Somebody else worked on the subscription while it was being set in sync."""

    def __init__(self, subscription_id: UUID) -> None:
        super().__init__(
            f"Subscription {subscription_id} has changed while it was being set in sync; "
            f'look at it with "starter.py subscription {subscription_id}", then try again'
        )


async def set_in_sync(
    client: Client, pool: Pool, subscription_id: UUID, *, fence: Fence, by: str | None, reason: str | None
) -> SubscriptionModel:
    """Unlock the subscription and forget a known discrepancy; record in the trail who did so and why.

    A worker that was frozen in the middle of a call may come back at any time. So the external system gets a
    new fencing token before a held subscription is unlocked. If it does not take it, nothing is unlocked.
    Idempotent: a subscription that is in sync stays unchanged.

    Raises:
        InvalidInput: when there is no reason.
        SubscriptionNotFound: when there is no subscription with this id.
        HolderIsOpen: when the process that holds it is open.
        NotFenced: when the external system did not take the token.
        ChangedMeanwhile: when somebody else has worked on the subscription meanwhile.
        AnotherTemporal: when the database belongs to another Temporal namespace.
        RPCError: when Temporal does not answer, so that the holder may be open.
    """
    if not reason:
        raise InvalidInput(NO_REASON)
    await require_own_temporal(client, pool)
    async with pool.acquire() as connection:
        before = await _existing(connection, subscription_id)
    if before.subscription.insync:
        return before.subscription
    await _require_closed(client, before.subscription)
    fenced, revision = await _raise_fence(pool, before)
    if before.subscription.held_by is not None:  # else it only differs, and no call can be on its way
        await _tell(fence, fenced)
    await _require_closed(client, before.subscription)  # it may have been reset
    event = TrailEvent(event="set in sync", step=None, by=by, reason=reason, at=datetime.now(UTC))
    return await _unlock(pool, fenced, revision, event)


async def _existing(connection: Connection, subscription_id: UUID) -> Stored:
    stored = await subscriptions.read_subscription(connection, subscription_id)
    if stored is None:
        raise SubscriptionNotFound(subscription_id)
    return stored


async def _require_closed(client: Client, subscription: SubscriptionModel) -> None:
    holder = subscription.held_by
    if holder is not None and await closed_as(client, holder) is None:
        raise HolderIsOpen(subscription.subscription_id, holder)


async def _raise_fence(pool: Pool, expected: Stored) -> tuple[Stored, int]:
    async with transaction(pool) as connection:
        revision = await _lock(connection, expected)
        fence = await subscriptions.raise_fence(connection, expected.subscription.subscription_id)
    return Stored(expected.subscription, fence), revision


async def _tell(fence: Fence, fenced: Stored) -> None:
    subscription = fenced.subscription
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await fence(subscription.product.type, subscription.subscription_id, fenced.fence)
    except Exception as error:  # whatever the client of the system raises
        raise NotFenced(subscription.subscription_id, error) from error


async def _unlock(pool: Pool, expected: Stored, revision: int, event: TrailEvent) -> SubscriptionModel:
    subscription = expected.subscription
    async with transaction(pool) as connection:
        # A step that began meanwhile has read the new token: the external system would take its call.
        if await _lock(connection, expected) != revision:
            raise ChangedMeanwhile(subscription.subscription_id)
        about = _about(subscription)
        in_sync = await relations.let_go(connection, subscription.found_different(None), about)
        await processes.append_event(connection, about, event)
        return in_sync


async def _lock(connection: Connection, expected: Stored) -> int:
    """Lock the trail row and the subscription, in the order in which steps do; return the row's revision.

    Raises:
        ChangedMeanwhile: when the subscription, its holder or its fencing token is not as expected.
    """
    subscription = expected.subscription
    revision = await processes.lock_process(connection, _about(subscription))
    present = await subscriptions.lock_subscription(connection, subscription.subscription_id)
    if present is None or _without_note(present) != _without_note(expected):
        raise ChangedMeanwhile(subscription.subscription_id)
    return revision


def _without_note(stored: Stored) -> Stored:
    """Return it without its note, which people may change at any moment."""
    return Stored(stored.subscription.noted(None), stored.fence)


def _about(subscription: SubscriptionModel) -> str:
    """Return the id of the process that keeps the subscription out of sync."""
    process_id = subscription.held_by or subscription.discrepancy_found_by
    assert process_id is not None
    return process_id
