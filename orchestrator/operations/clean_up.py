"""Clean-up: fold successful validations, and drop the ledger results of processes that ended long ago."""

import asyncio
from datetime import datetime
from typing import ClassVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel, Field

    from orchestrator.domain.markdown import acted
    from orchestrator.domain.process import Course, ProcessStatus, Target
    from orchestrator.domain.text import WholeNumber
    from orchestrator.operations.clean_up_activities import CleanUpActivities, CleanUpPage, FindRetention
    from orchestrator.process.forms import WorkflowInput
    from orchestrator.process.memo import carried
    from orchestrator.process.step import run_external, run_local
    from orchestrator.temporal import search_attributes
    from orchestrator.temporal.priorities import BATCH


PAGES = 20
"""Pages of one execution; then it continues as new, which keeps histories short. Never change it without a
patch: open clean-ups count on it."""


class CleanedUp(BaseModel):
    """What clean-up has done so far."""

    before: datetime | None = None
    """Only what had ended before this time was cleaned up; `None` until that is known."""
    folded: int = 0
    """Number of successful validations that were folded into summaries."""
    dropped: int = 0
    """Number of other processes whose ledger results were dropped."""
    findings: int = 0
    """Number of findings of validations of all that were deleted."""

    def __str__(self) -> str:
        return (
            f"{self.folded} validations folded, results of {self.dropped} processes dropped, "
            f"{self.findings} findings deleted"
        )


class CleanUpForm(WorkflowInput):
    """Who cleans up, and why."""

    days: WholeNumber | None = Field(
        None,
        ge=1,
        le=3650,
        title="Days",
        description="Days that what has ended is kept, 1 to 3650 (default: the worker's RETENTION_DAYS)",
    )


@workflow.defn(name="clean_up")
class CleanUp:
    """Clean up page by page, what ended first comes first.

    Each page is one transaction. So it can be aborted, or its worker killed, at any moment; what is left is
    done the next time.
    """

    target: ClassVar = Target.VALIDATE

    def __init__(self) -> None:
        self._done = carried("done", CleanedUp())
        self._acted = ""
        """Who runs it, and why."""

    @workflow.query(description="What was done so far")
    def done(self) -> CleanedUp:
        """Return what was done so far."""
        return self._done

    @workflow.run
    async def run(self, form: CleanUpForm) -> CleanedUp:
        """Clean up what has ended before the retention; return what was done."""
        self._acted = acted("Run", form.by, form.reason)
        self._show(ProcessStatus.RUNNING)
        try:
            before = self._done.before = self._done.before or await _retention(form)
            page = 1
            while await self._clean_up_page(before, page):
                if page == PAGES:
                    workflow.continue_as_new(form, memo={"done": self._done})
                page += 1
        except asyncio.CancelledError:
            self._show(ProcessStatus.ABORTED)
            raise
        self._show(ProcessStatus.COMPLETED)
        return self._done

    async def _clean_up_page(self, before: datetime, number: int) -> bool:
        """Clean up a page; return whether there may be another one."""
        page = await run_external(
            CleanUpActivities.clean_up_page,
            CleanUpPage(before=before, at=workflow.now()),
            f"Clean up, page {number}",
            Course.FORWARD,
            BATCH,
        )
        self._done.folded += page.folded
        self._done.dropped += page.dropped
        self._done.findings += page.findings
        self._show_details()
        return page.more

    def _show(self, status: ProcessStatus) -> None:
        workflow.upsert_search_attributes([search_attributes.PROCESS_STATUS.value_set(status)])
        self._show_details()

    def _show_details(self) -> None:
        before = self._done.before
        ended = f"Of what ended before {before:%Y-%m-%d %H:%M} UTC: " if before else ""
        workflow.set_current_details(f"{ended}{self._done}.\n\n{self._acted}")


async def _retention(form: CleanUpForm) -> datetime:
    asked = FindRetention(days=form.days, at=workflow.now())
    found = await run_local(CleanUpActivities.find_retention, asked, "Find retention", Course.FORWARD)
    return found.before
