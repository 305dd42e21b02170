"""Setting a subscription in sync by hand, when nothing works on it any more."""

from datetime import UTC, datetime
from uuid import UUID

from temporalio.client import Client

from orchestrator.database import processes, relations, subscriptions
from orchestrator.database.connection import Pool, transaction
from orchestrator.database.processes import TrailEvent
from orchestrator.domain.errors import DomainError
from orchestrator.domain.gate import SubscriptionNotFound
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.temporal.executions import closed_as


class HolderIsOpen(DomainError):
    """The process that holds the subscription is still open."""

    def __init__(self, subscription_id: UUID, holder: str) -> None:
        super().__init__(
            f"Subscription {subscription_id} has still failed processes with id's: ['{holder}']; "
            f'"starter.py process {holder}" says how it goes on'
        )


async def set_in_sync(
    client: Client, pool: Pool, subscription_id: UUID, *, by: str | None, reason: str | None
) -> SubscriptionModel:
    """Unlock the subscription and forget a known discrepancy; say in the trail who did so and why.

    One that is in sync stays as it is.

    Raises:
        SubscriptionNotFound: when there is none.
        HolderIsOpen: while the process that holds it is open.
        RPCError: when Temporal does not answer: then nobody knows whether it is.
    """
    async with transaction(pool) as connection:
        stored = await subscriptions.lock_subscription(connection, subscription_id)
        if stored is None:
            raise SubscriptionNotFound(subscription_id)
        subscription = stored.subscription
        holder = subscription.held_by
        if holder is not None and await closed_as(client, holder) is None:
            raise HolderIsOpen(subscription_id, holder)
        about = holder or subscription.discrepancy_found_by
        if about is None:
            return subscription
        in_sync = await relations.let_go(connection, subscription.found_different(None), about)
        # Whatever the holder has on its way to an external system is too late from now on.
        await subscriptions.raise_fence(connection, subscription_id)
        event = TrailEvent(event="set in sync", step=None, by=by, reason=reason, at=datetime.now(UTC))
        await processes.append_event(connection, about, event)
        return in_sync
