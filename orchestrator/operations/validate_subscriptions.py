"""Validate every active subscription, some at a time, and count what was found; also run by a schedule."""

import asyncio
from typing import ClassVar, Literal
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ChildWorkflowError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel, Field

    from orchestrator.domain.comparison import DiscrepancyFound
    from orchestrator.domain.process import Course, ProcessStatus, Target
    from orchestrator.domain.text import WholeNumber
    from orchestrator.operations.active_subscriptions import (
        AfterSubscription,
        ToValidate,
        ValidationActivities,
    )
    from orchestrator.process.endings import REFUSALS
    from orchestrator.process.forms import OperatorNote, ValidateForm
    from orchestrator.process.memo import carried
    from orchestrator.process.step import run_local
    from orchestrator.temporal import search_attributes

AT_ONCE = 10
"""So many validations run at the same time."""

Outcome = Literal["in_sync", "discrepancies", "refused", "failed"]


class Totals(BaseModel):
    """What the validation of all subscriptions has found."""

    total: int = 0
    in_sync: int = 0
    discrepancies: list[UUID] = []
    """The subscriptions that differ from what the external systems say."""
    refused: list[UUID] = []
    """Those that the gate did not let: somebody works on them, or their product has no such workflow."""
    failed: list[UUID] = []
    """Those of which the validation did not come to an end."""

    def count(self, subscription_id: UUID, outcome: Outcome) -> None:
        """Add what a validation has found."""
        self.total += 1
        if outcome == "in_sync":
            self.in_sync += 1
        else:
            getattr(self, outcome).append(subscription_id)

    def __str__(self) -> str:
        return (
            f"{self.total} validated: {self.in_sync} in sync, {len(self.discrepancies)} with discrepancies, "
            f"{len(self.refused)} refused, {len(self.failed)} failed"
        )


class Part(BaseModel):
    """How far a validation of all has come: carried in the memo when it continues as new."""

    totals: Totals = Totals()
    after: UUID | None = None


class ValidateSubscriptionsForm(OperatorNote):
    """Who wants every active subscription to be validated, and why."""

    patience: WholeNumber = Field(
        15 * 60,
        ge=1,
        le=24 * 60 * 60,
        title="Patience",
        description="seconds after which one that has not ended counts as failed, and goes on by itself",
    )


@workflow.defn(name="validate_subscriptions")
class ValidateSubscriptions:
    """Run the validation of every active subscription as a process of its own.

    The list is read page by page, each in an execution of its own, so that the history stays short. What is
    terminated, or aborted, starts no further validations; those that run end by themselves.
    """

    target: ClassVar = Target.VALIDATE

    def __init__(self) -> None:
        self._part = carried("part", Part())
        self._turns = asyncio.Semaphore(AT_ONCE)

    @workflow.query(description="What was found so far")
    def totals(self) -> Totals:
        """Return what was found so far."""
        return self._part.totals

    @workflow.run
    async def run(self, form: ValidateSubscriptionsForm) -> Totals:
        """Validate them; return what was found."""
        self._show(ProcessStatus.RUNNING)
        try:
            return await self._validate_page(form)
        except asyncio.CancelledError:
            self._show(ProcessStatus.ABORTED)
            raise

    async def _validate_page(self, form: ValidateSubscriptionsForm) -> Totals:
        page = await run_local(
            ValidationActivities.list_active_subscriptions,
            AfterSubscription(after=self._part.after),
            "List active subscriptions",
            Course.FORWARD,
        )
        await asyncio.gather(*(self._validate(one, form) for one in page.subscriptions))
        if page.after is not None:
            self._part.after = page.after
            workflow.continue_as_new(form, memo={"part": self._part})
        self._show(ProcessStatus.COMPLETED)
        return self._part.totals

    async def _validate(self, one: ToValidate, form: ValidateSubscriptionsForm) -> None:
        async with self._turns:
            self._part.totals.count(one.subscription_id, await self._outcome(one, form))
        workflow.set_current_details(str(self._part.totals))

    async def _outcome(self, one: ToValidate, form: ValidateSubscriptionsForm) -> Outcome:
        if one.workflow is None:
            return "refused"
        validation = ValidateForm.model_validate(
            form.model_dump(include=set(OperatorNote.model_fields), exclude_none=True)
            | {"subscription_id": one.subscription_id}
        )
        process = await workflow.start_child_workflow(
            one.workflow,
            validation,
            id=f"{one.workflow}-{workflow.uuid4()}",
            parent_close_policy=ParentClosePolicy.ABANDON,
            static_summary=validation.title,
        )
        ended, _ = await workflow.wait([process], timeout=form.patience)
        if not ended:
            return "failed"
        try:
            await process
        except ChildWorkflowError as error:
            return _outcome_of(error)
        return "in_sync"

    def _show(self, status: ProcessStatus) -> None:
        workflow.upsert_search_attributes(
            [
                search_attributes.TARGET.value_set(self.target),
                search_attributes.PROCESS_STATUS.value_set(status),
            ]
        )
        workflow.set_current_details(str(self._part.totals))


def _outcome_of(error: ChildWorkflowError) -> Outcome:
    kind = error.cause.type if isinstance(error.cause, ApplicationError) else None
    if kind == DiscrepancyFound.__name__:
        return "discrepancies"
    return "refused" if kind in REFUSALS else "failed"
