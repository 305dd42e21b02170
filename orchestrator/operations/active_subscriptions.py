"""Which subscriptions there are to validate, and by which workflow."""

from collections.abc import Mapping
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from orchestrator.database import subscriptions
from orchestrator.database.connection import Pool
from orchestrator.domain.subscription import Status

PAGE = 100
"""So many subscriptions at a time."""


class AfterSubscription(BaseModel):
    """Where the list goes on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: UUID | None
    """`None` means at its beginning."""


class ToValidate(BaseModel):
    """An active subscription."""

    model_config = ConfigDict(frozen=True)

    subscription_id: UUID
    workflow: str | None
    """The workflow type that validates it; `None` where its product has none."""


class PageToValidate(BaseModel):
    """A part of the list of active subscriptions, oldest first."""

    model_config = ConfigDict(frozen=True)

    subscriptions: tuple[ToValidate, ...]
    after: UUID | None
    """Where the list goes on; `None` where it has ended."""


class ValidationActivities:
    """The list of what there is to validate; reads only."""

    def __init__(self, pool: Pool, workflows: Mapping[str, str]) -> None:
        """Take the workflow type that validates, by product type."""
        self._pool = pool
        self._workflows = workflows

    @activity.defn
    async def list_active_subscriptions(self, page: AfterSubscription) -> PageToValidate:
        """Return the next active subscriptions."""
        async with self._pool.acquire() as connection:
            found = await subscriptions.list_subscriptions(
                connection, status=Status.ACTIVE, limit=PAGE, after=page.after
            )
        return PageToValidate(
            subscriptions=tuple(
                ToValidate(
                    subscription_id=one.subscription_id, workflow=self._workflows.get(one.product.type)
                )
                for one in found
            ),
            after=found[-1].subscription_id if len(found) == PAGE else None,
        )
