"""The activities of the validation of all: list what there is to validate, and store the findings."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from orchestrator.database import findings
from orchestrator.database.connection import Pool, transaction
from orchestrator.domain.findings import Finding

PAGE = 100
"""Number of subscriptions that one execution validates."""


class AfterSubscription(BaseModel):
    """Position from which the list of active subscriptions continues."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: UUID | None
    """Last subscription of the previous page; `None` means the beginning."""


class ToValidate(BaseModel):
    """An active subscription."""

    model_config = ConfigDict(frozen=True)

    subscription_id: UUID
    workflow: str | None
    """Workflow type that validates it; `None` if its product has none."""


class PageToValidate(BaseModel):
    """A page of the list of active subscriptions, oldest first."""

    model_config = ConfigDict(frozen=True)

    subscriptions: tuple[ToValidate, ...]
    after: UUID | None
    """Last subscription of this page; `None` if there is no further page."""


class StoreFindings(BaseModel):
    """Input of `store_findings`."""

    model_config = ConfigDict(frozen=True)

    process_id: str
    first_execution_run_id: str
    findings: tuple[Finding, ...]
    at: datetime


class ValidationActivities:
    """Lists the active subscriptions, and stores findings."""

    def __init__(self, pool: Pool, workflows: Mapping[str, str]) -> None:
        """Create the activities.

        Args:
            workflows: the workflow type that validates, by product type.
        """
        self._pool = pool
        self._workflows = workflows

    @activity.defn
    async def list_active_subscriptions(self, page: AfterSubscription) -> PageToValidate:
        """Return the next page of active subscriptions, oldest first."""
        async with self._pool.acquire() as connection:
            found = await findings.list_active(connection, limit=PAGE, after=page.after)
        return PageToValidate(
            subscriptions=tuple(
                ToValidate(subscription_id=one, workflow=self._workflows.get(product_type))
                for one, product_type in found
            ),
            after=found[-1][0] if len(found) == PAGE else None,
        )

    @activity.defn
    async def store_findings(self, found: StoreFindings) -> None:
        """Store the findings of a page. Idempotent: a stored finding stays."""
        async with transaction(self._pool) as connection:
            await findings.insert_findings(
                connection, found.process_id, found.first_execution_run_id, found.findings, found.at
            )
