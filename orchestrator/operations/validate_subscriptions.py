"""The validation of all: validate every active subscription, a few at a time, and count the findings."""

import asyncio
from typing import Any, ClassVar, Self, get_args
from uuid import UUID

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError, ChildWorkflowError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel, Field, model_validator

    from orchestrator.domain.comparison import DiscrepancyFound
    from orchestrator.domain.findings import Finding, FindingKind
    from orchestrator.domain.process import Course, ProcessStatus, Target
    from orchestrator.domain.text import WholeNumber
    from orchestrator.operations.validation_activities import (
        AfterSubscription,
        StoreFindings,
        ToValidate,
        ValidationActivities,
    )
    from orchestrator.process.endings import REFUSALS
    from orchestrator.process.forms import OperatorNote, ValidateForm, WorkflowInput
    from orchestrator.process.memo import carried
    from orchestrator.process.step import run_local
    from orchestrator.temporal import search_attributes
    from orchestrator.temporal.priorities import BATCH

AT_ONCE = 2
"""Number of validations that run at the same time, unless the input says otherwise: few, because they share
the workers and the machine with whoever starts a process meanwhile."""


class Totals(BaseModel):
    """Number of subscriptions that a validation of all has looked at, in total and by outcome."""

    total: int = 0
    in_sync: int = 0
    found: dict[FindingKind, int] = {}
    """Number of findings of each kind; no entry means none."""
    older: tuple[Finding, ...] = Field((), exclude=True)
    """Findings that release 0.1.0 has passed on; later ones store them in the database."""

    @model_validator(mode="before")
    @classmethod
    def _take_over_lists(cls, fields: Any) -> Any:
        # That release has a list of subscriptions for each kind. It also reads what this one writes: so
        # their names must never come to mean something else.
        if not isinstance(fields, dict) or "found" in fields:
            return fields
        lists = {kind: fields[kind] for kind in get_args(FindingKind) if fields.get(kind)}
        older = [{"subscription_id": one, "kind": kind} for kind, listed in lists.items() for one in listed]
        return fields | {"found": {kind: len(listed) for kind, listed in lists.items()}, "older": older}

    def count(self, kind: FindingKind | None) -> None:
        """Count one more subscription; `None` means that it is in sync."""
        self.total += 1
        if kind is None:
            self.in_sync += 1
        else:
            self.found[kind] = self.found.get(kind, 0) + 1

    def __str__(self) -> str:
        different, refused, failed = (self.found.get(kind, 0) for kind in get_args(FindingKind))
        return (
            f"{self.total} validated: {self.in_sync} in sync, {different} with discrepancies, "
            f"{refused} refused, {failed} failed"
        )


class Part(BaseModel):
    """The progress of a validation of all: its memo carries this when it continues as new."""

    totals: Totals = Totals()
    after: UUID | None = None
    findings: tuple[Finding, ...] = ()
    """Findings that are not stored yet; a memo is too small for those of all subscriptions."""

    @model_validator(mode="after")
    def _take_over_findings(self) -> Self:
        self.findings, self.totals.older = (*self.totals.older, *self.findings), ()
        return self


class ValidateSubscriptionsForm(WorkflowInput):
    """Who validates every active subscription, and why."""

    patience: WholeNumber = Field(
        15 * 60,
        ge=1,
        le=24 * 60 * 60,
        title="Patience",
        description="Seconds after which a validation that has not ended counts as failed; it continues",
    )
    at_once: WholeNumber | None = Field(
        None,
        ge=1,
        le=100,
        title="At once",
        description=f"Validations that run at the same time, 1 to 100 ({AT_ONCE} if left out)",
        exclude_if=lambda given: given is None,  # an older release does not know the field
    )


@workflow.defn(name="validate_subscriptions")
class ValidateSubscriptions:
    """Run the validation of each active subscription as a separate process.

    Each page of the list is a separate execution, which keeps histories short. After an abort or a
    termination, no further validation starts; those that run continue to their end.
    """

    target: ClassVar = Target.VALIDATE

    def __init__(self) -> None:
        self._part = carried("part", Part())

    @workflow.query(description="The counts so far")
    def totals(self) -> Totals:
        """Return the counts so far."""
        return self._part.totals

    @workflow.run
    async def run(self, form: ValidateSubscriptionsForm) -> Totals:
        """Validate every active subscription; return the counts. The findings are in the database."""
        self._show(ProcessStatus.RUNNING)
        self._turns = asyncio.Semaphore(form.at_once or _at_once())
        try:
            return await self._validate_page(form)
        except asyncio.CancelledError:
            await self._store_findings(Course.FORWARD_ONLY)
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
        await self._store_findings(Course.FORWARD)
        if page.after is not None:
            self._part.after = page.after
            workflow.continue_as_new(form, memo={"part": self._part})
        self._show(ProcessStatus.COMPLETED)
        return self._part.totals

    async def _validate(self, one: ToValidate, form: ValidateSubscriptionsForm) -> None:
        async with self._turns:
            kind = await self._kind(one, form)
        self._part.totals.count(kind)
        if kind is not None:
            finding = Finding(subscription_id=one.subscription_id, kind=kind)
            self._part.findings = (*self._part.findings, finding)
        workflow.set_current_details(str(self._part.totals))

    async def _store_findings(self, course: Course) -> None:
        if not self._part.findings or not workflow.patched("findings-in-the-database"):
            return
        info = workflow.info()
        found = StoreFindings(
            process_id=info.workflow_id,
            first_execution_run_id=info.first_execution_run_id,
            findings=self._part.findings,
            at=workflow.now(),
        )
        await run_local(ValidationActivities.store_findings, found, "Store findings", course)
        self._part.findings = ()

    async def _kind(self, one: ToValidate, form: ValidateSubscriptionsForm) -> FindingKind | None:
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
            priority=BATCH,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(search_attributes.TARGET, Target.VALIDATE),
                    SearchAttributePair(search_attributes.SUBSCRIPTION_ID, str(one.subscription_id)),
                    SearchAttributePair(search_attributes.PROCESS_STATUS, ProcessStatus.RUNNING),
                ]
            ),
        )
        ended, _ = await workflow.wait([process], timeout=form.patience)
        if not ended:
            return "failed"
        try:
            await process
        except ChildWorkflowError as error:
            return _kind_of(error)
        return None

    def _show(self, status: ProcessStatus) -> None:
        workflow.upsert_search_attributes(
            [
                search_attributes.TARGET.value_set(self.target),
                search_attributes.PROCESS_STATUS.value_set(status),
            ]
        )
        workflow.set_current_details(str(self._part.totals))


def _at_once() -> int:
    return AT_ONCE if workflow.patched("few-at-once") else 10


def _kind_of(error: ChildWorkflowError) -> FindingKind:
    kind = error.cause.type if isinstance(error.cause, ApplicationError) else None
    if kind == DiscrepancyFound.__name__:
        return "discrepancies"
    return "refused" if kind in REFUSALS else "failed"
