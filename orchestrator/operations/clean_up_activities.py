"""The activities of clean-up: each page is one transaction of bounded size."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from orchestrator.database import retention
from orchestrator.database.connection import Pool, transaction

PAGE = 500
"""Number of processes, and of findings, that one transaction cleans up."""


class FindRetention(BaseModel):
    """Input of `find_retention`."""

    model_config = ConfigDict(frozen=True)

    days: int | None
    """How long what has ended is kept; `None` means as the settings of the worker say."""
    at: datetime
    """The time by the workflow's clock."""


class Retention(BaseModel):
    """What clean-up is about."""

    model_config = ConfigDict(frozen=True)

    before: datetime
    """Only what has ended before this time is cleaned up."""


class CleanUpPage(BaseModel):
    """Input of `clean_up_page`."""

    model_config = ConfigDict(frozen=True)

    before: datetime
    """Only what has ended before this time is cleaned up."""
    at: datetime
    """The time by the workflow's clock."""


class PageCleanedUp(BaseModel):
    """What was done to a page."""

    model_config = ConfigDict(frozen=True)

    folded: int
    dropped: int
    findings: int
    more: bool
    """Whether there may be another page."""


class CleanUpActivities:
    """Cleans up what has ended long ago. Every activity is idempotent: what is done is not found again."""

    def __init__(self, pool: Pool, retention_days: int) -> None:
        """Create the activities.

        Args:
            retention_days: how long what has ended is kept, if the input of the workflow does not say.
        """
        self._pool = pool
        self._retention_days = retention_days

    @activity.defn
    async def find_retention(self, asked: FindRetention) -> Retention:
        """Return what clean-up is about: one answer for all of its pages."""
        return Retention(before=asked.at - timedelta(days=asked.days or self._retention_days))

    @activity.defn
    async def clean_up_page(self, page: CleanUpPage) -> PageCleanedUp:
        """Clean up what ended first: fold successful validations, drop the results of the others."""
        async with transaction(self._pool) as connection:
            due = await retention.lock_due(connection, page.before, PAGE)
            folded = await retention.list_foldable(connection, due)
            dropped = sorted(set(due) - set(folded))
            await retention.fold(connection, folded)
            await retention.drop_results(connection, dropped, page.at)
            findings = await retention.delete_findings(connection, page.before, PAGE)
        return PageCleanedUp(
            folded=len(folded),
            dropped=len(dropped),
            findings=findings,
            more=PAGE in {len(due), findings},
        )
