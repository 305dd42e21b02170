"""The run of a bulk: start a process for each of its rows, a few at a time, and count how they end."""

import asyncio
from typing import ClassVar
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from pydantic import Field

    from orchestrator.domain.bulk import RowCounts
    from orchestrator.domain.markdown import acted, quoted
    from orchestrator.domain.process import Course, ProcessStatus, Target
    from orchestrator.domain.text import WholeNumber
    from orchestrator.operations.bulk_activities import BulkActivities, RunRows
    from orchestrator.process.forms import WorkflowInput
    from orchestrator.process.memo import carried
    from orchestrator.process.step import run_external
    from orchestrator.temporal import search_attributes

AT_ONCE = 20
"""Number of processes in progress, unless the input says otherwise."""

ROUNDS = 50
"""Rounds of one run: each makes a few events, and the next run begins with a short history.

It must not become lower: a run that is in a later round would not replay.
"""


class ApplyRowsForm(WorkflowInput):
    """Which bulk to run, and who runs it and why."""

    bulk_id: UUID = Field(title="Bulk", description="Id of the bulk")
    at_once: WholeNumber = Field(
        AT_ONCE,
        ge=1,
        le=100,
        title="At once",
        description=f"Processes in progress at most, 1 to 100 ({AT_ONCE} if left out)",
    )


@workflow.defn(name="apply_rows")
class ApplyRows:
    """Run the rows of a bulk, which were uploaded before.

    The rows and what has become of them are in the database; this knows only the counts. After an abort or a
    termination no further row starts; the processes in progress continue to their ends.
    """

    target: ClassVar = Target.MODIFY

    def __init__(self) -> None:
        self._counts = carried("counts", RowCounts())

    @workflow.run
    async def run(self, form: ApplyRowsForm) -> RowCounts:
        """Run the rows until none is left; return how many are in which status."""
        self._show(form, ProcessStatus.RUNNING)
        try:
            more = await self._run(form)
        except asyncio.CancelledError:
            self._show(form, ProcessStatus.ABORTED)
            raise
        except ApplicationError as error:
            self._show(form, ProcessStatus.FAILED, error.message)
            raise
        if more:
            workflow.continue_as_new(form, memo={"counts": self._counts})
        self._show(form, ProcessStatus.COMPLETED)
        return self._counts

    async def _run(self, form: ApplyRowsForm) -> bool:
        """Run some rounds; return whether there are more rows."""
        rows = RunRows.model_validate(form.model_dump())
        for _ in range(ROUNDS):
            ended = await run_external(BulkActivities.run_rows, rows, "Run rows", Course.FORWARD)
            self._counts = ended.counts
            self._show_page(form)
            if not ended.more:
                return False
        return True

    def _show(self, form: ApplyRowsForm, status: ProcessStatus, failure: str = "") -> None:
        workflow.upsert_search_attributes([search_attributes.PROCESS_STATUS.value_set(status)])
        notices = {
            ProcessStatus.ABORTED: "No further row starts; the processes in progress go on. "
            f"Run the rest with `starter.py bulk {form.bulk_id} --resume`.",
            ProcessStatus.FAILED: quoted(failure),
        }
        self._show_page(form, notices.get(status, ""))

    def _show_page(self, form: ApplyRowsForm, notice: str = "") -> None:
        table = [f"| {name}\u00a0\u00a0 | {number} |" for name, number in self._counts]
        parts = [
            "| Rows | |\n|---|---|\n" + "\n".join(table),
            notice,
            f"Bulk `{form.bulk_id}`",
            acted("Run", form.by, form.reason),
        ]
        workflow.set_current_details("\n\n".join(part for part in parts if part))
