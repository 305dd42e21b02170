"""Start a process later. Open for years and across releases, so it does as little as it can."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import ClassVar

from temporalio import workflow
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    VersioningBehavior,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from pydantic import Field

    from orchestrator.domain.errors import InvalidInput, ProcessAlreadyExists
    from orchestrator.domain.markdown import acted, quoted
    from orchestrator.domain.process import Course, ProcessStatus, Target
    from orchestrator.domain.scheduled import Moment, ProcessId, Scheduled, require_future, spelled_out
    from orchestrator.domain.text import Name, legible
    from orchestrator.operations.start_later_activities import (
        CheckedStart,
        PlannedStart,
        StartLaterActivities,
    )
    from orchestrator.process.forms import OperatorNote, WorkflowInput
    from orchestrator.process.messages import Values
    from orchestrator.process.step import run_local
    from orchestrator.temporal import search_attributes
    from orchestrator.temporal.payloads import invalid_input
    from orchestrator.temporal.visibility import SCHEDULED_MEMO

PREFIX = "later-"
"""What the starter puts before the id of the process, for the id of its scheduled start."""


class StartLaterForm(WorkflowInput):
    """The process to start, and when."""

    workflow: Name = Field(title="Workflow", description="Workflow type of the process")
    input: Values = Field(title="Input", description="Its input, with the fields of that workflow")
    at: Moment = Field(title="At", description="When it starts: a date (midnight) or a time, in UTC")
    process_id: ProcessId | None = Field(
        None, title="Process id", description="Id that the process will have (default: a new one)"
    )


class MoveForm(OperatorNote):
    """Another time for a scheduled start."""

    at: Moment | None = Field(None, title="At", description="When it starts now: a date or a time, in UTC")


@workflow.defn(name="start_later")
class StartLater:
    """Wait until a process is due, then start it on the release that is current by then."""

    target: ClassVar = Target.MODIFY

    def __init__(self) -> None:
        self._scheduled: Scheduled | None = None
        self._moved: MoveForm | None = None
        self._is_due = False

    @workflow.update(description='Start it at another time, e.g. {"at": "2027-01-01", "by": "alice"}')
    async def move(self, note: MoveForm = MoveForm()) -> str:
        """Start the process at another time, earlier or later."""
        self._moved = note
        if self._scheduled is not None:  # else it is shown in a moment
            self._show_scheduled(self._scheduled)
        assert note.at is not None
        return f"Starts at {spelled_out(note.at)}"

    @move.validator
    def _require_movable(self, note: MoveForm = MoveForm()) -> None:
        if note.at is None:
            raise invalid_input("Invalid MoveForm: at is missing; give it (fields: by, reason, at)")
        if self._is_due:
            raise ApplicationError("It is due: it can no longer be moved", type="NotScheduled")
        _require_future(note.at, workflow.now())

    @workflow.run
    async def run(self, form: StartLaterForm) -> str:
        """Start the process when it is due; return its id.

        Raises:
            ApplicationError: when it cannot be started; the message says why.
            asyncio.CancelledError: when it was canceled before it was due; nothing is started.
        """
        start = PlannedStart(
            workflow=form.workflow,
            input=form.model_dump(mode="json", include={"by", "reason"}, exclude_none=True) | form.input,
            process_id=form.process_id or f"{form.workflow}-{workflow.uuid4()}",
        )
        try:
            _require_future(form.at, workflow.info().workflow_start_time)
            checked = await _check(start, Course.FORWARD)
            workflow.upsert_search_attributes(
                [
                    SearchAttributeKey.for_keyword(name).value_set(value)
                    for name, value in checked.attributes.items()
                ]
            )
            self._show_scheduled(_scheduled(form, start, checked))
            await self._until_due()
            await self._start(start)
        except asyncio.CancelledError:
            why = quoted(legible(workflow.cancellation_reason() or ""))
            self._show(ProcessStatus.ABORTED, "It was canceled; nothing is started.", why)
            raise
        except ApplicationError as error:
            self._show(ProcessStatus.FAILED, "Nothing was started:", quoted(error.message))
            raise
        self._show(ProcessStatus.COMPLETED, f"It has started `{start.process_id}`.")
        return start.process_id

    async def _until_due(self) -> None:
        while (at := self._at) > workflow.now():
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda at=at: self._at != at,  # type: ignore[misc]
                    timeout=at - workflow.now(),
                    timeout_summary=f"Starts at {spelled_out(at)}",
                )
            # The SDK may drop a cancellation that arrives together with what ends the wait.
            if workflow.cancellation_reason() is not None:
                raise asyncio.CancelledError
        self._is_due = True

    @property
    def _at(self) -> datetime:
        assert self._scheduled is not None
        return self._scheduled.at

    async def _start(self, start: PlannedStart) -> None:
        # In a task, which a cancellation does not reach: it comes too late, and must not leave it open
        # whether the process has been started.
        starting = asyncio.create_task(_start(start))
        try:
            await workflow.wait([starting])
        except asyncio.CancelledError:
            if workflow.cancellation_reason() is None:
                raise
        await starting

    def _show_scheduled(self, scheduled: Scheduled) -> None:
        """Show what starts when, and how to change that."""
        moved = ""
        if self._moved is not None and self._moved.at is not None:
            scheduled = scheduled.model_copy(update={"at": self._moved.at})
            moved = f"> {acted('Moved', self._moved.by, self._moved.reason)}"
        self._scheduled = scheduled
        workflow.upsert_memo({SCHEDULED_MEMO: scheduled})
        self._show(
            ProcessStatus.SCHEDULED,
            f"Starts `{scheduled.starts}` at **{scheduled.when}**.",
            moved,
            'To move it, send the update `move`, such as `{"at": "2027-01-01"}`. '
            "To cancel it, request cancellation: then nothing is started.",
        )

    def _show(self, status: ProcessStatus, *notices: str) -> None:
        about: list[str] = []
        if (scheduled := self._scheduled) is not None:
            about = [quoted(scheduled.title), f"> {acted('Scheduled', scheduled.by, scheduled.reason)}"]
        parts = [f"### Scheduled start: {status}", *about, *notices]
        workflow.upsert_search_attributes([search_attributes.PROCESS_STATUS.value_set(status)])
        workflow.set_current_details("\n\n".join(part for part in parts if part))


@workflow.defn(name="start_later", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class UpgradingStartLater(StartLater):
    """The same for workers with a version: it moves to the current one, and does not hold up an old one.

    Processes are pinned instead. Temporal takes no versioning behavior from a worker without a version.
    """

    @workflow.run
    async def run(self, form: StartLaterForm) -> str:
        return await super().run(form)


async def _check(start: PlannedStart, course: Course) -> CheckedStart:
    return await run_local(StartLaterActivities.check_start, start, "Check the start", course)


async def _start(start: PlannedStart) -> None:
    checked = await _check(start, Course.FORWARD_ONLY)
    try:
        await workflow.start_child_workflow(
            start.workflow,
            start.input,
            id=start.process_id,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            parent_close_policy=ParentClosePolicy.ABANDON,
            static_summary=checked.title,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(SearchAttributeKey.for_keyword(name), value)
                    for name, value in checked.attributes.items()
                ]
            ),
        )
    except WorkflowAlreadyStartedError:
        message = str(ProcessAlreadyExists(start.process_id))
        raise ApplicationError(message, type=ProcessAlreadyExists.__name__) from None


def _scheduled(form: StartLaterForm, start: PlannedStart, checked: CheckedStart) -> Scheduled:
    return Scheduled.model_validate(
        {
            "process_id": workflow.info().workflow_id,
            "starts": start.process_id,
            "workflow": start.workflow,
            "title": checked.title,
            "subscription_id": checked.attributes.get(search_attributes.SUBSCRIPTION_ID.name),
            "at": form.at,
            "by": form.by,
            "reason": form.reason,
        }
    )


def _require_future(at: datetime, now: datetime) -> None:
    try:
        require_future(at, now)
    except InvalidInput as error:
        raise invalid_input(str(error)) from None
