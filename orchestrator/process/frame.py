"""The frame of every process: its steps in order, parking, retry, abort with roll-back."""

import asyncio
from typing import Any, ClassVar, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError
from temporalio.types import MethodAsyncSingleParam

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from orchestrator.domain.comparison import DiscrepancyFound
    from orchestrator.domain.errors import AbortRequested, InvalidInput
    from orchestrator.domain.process import Event, Process, ProcessStatus, Target
    from orchestrator.domain.subscription import SubscriptionModel
    from orchestrator.domain.text import legible, printable
    from orchestrator.process.bookkeeping import Bookkeeping
    from orchestrator.process.details import DONE, PARKED, RUNNING, Details, Line, parked_notice, quoted
    from orchestrator.process.endings import ENDED, ENDS, GIVEN_UP, REFUSALS, WITHOUT_ROW
    from orchestrator.process.forms import OperatorNote, StartForm
    from orchestrator.process.memo import carried
    from orchestrator.process.messages import BeginRollBack, CheckResult, EndProcess, ProcessEvent, StepRun
    from orchestrator.process.step import Result, Step, run_local, run_step
    from orchestrator.temporal.payloads import invalid_input

S = TypeVar("S", bound=SubscriptionModel)
A = TypeVar("A")
R = TypeVar("R")

LONGEST_HISTORY = 500
"""Events after which a process that parks continues as new: it may be retried often, for weeks."""


class Progress(BaseModel):
    """How far a process was when it parked: carried in the memo when it continues as new."""

    next_step: int = 0
    times_parked: int = 0
    failure: str = ""
    """Why it is parked; empty while it is not."""
    failed_step: str = ""
    """The title of the step that it is parked on."""


class ProcessFrame:
    """A process: a workflow class extends it, names its sequence of steps, and calls `follow` from `run`.

    It is a base class, where helper functions would do for the rest, because only updates that are
    declared on the class show their description in the Web UI.
    """

    target: ClassVar[Target]
    sequence: ClassVar[tuple[Step[Any, Any], ...]]
    """What the process does, in order; the last step unlocks the subscription."""
    roll_back: ClassVar[tuple[Step[Any, Any], ...]]
    """What the roll-back of an aborted process does, in order; the last step unlocks the subscription."""
    no_way_back: ClassVar[str | None] = None
    """The step of which the begin can only be followed by the rest; `None` where there is none."""

    def __init__(self) -> None:
        # Here, not in `run`: an update may arrive before it has begun.
        self._progress = carried("progress", Progress())
        self._retry: OperatorNote | None = None
        self._give_up: OperatorNote | None = None
        self._rolling_back = False
        self._heeds_cancellation = True

    @workflow.update(description='Run the failed step again, e.g. {"by": "alice", "reason": "name freed"}')
    async def retry(self, note: OperatorNote = OperatorNote()) -> str:
        """Run the failed step again; earlier steps are not repeated. Returns once it has begun."""
        title, rolling_back = self._progress.failed_step, self._rolling_back
        self._retry = note
        await workflow.wait_condition(lambda: self._retry is not note)
        if self._rolling_back and not rolling_back:
            raise ApplicationError("This process was aborted in the same moment; it is being rolled back")
        return f"{title}: begun again"

    @retry.validator
    def _require_parked(self, note: OperatorNote = OperatorNote()) -> None:
        if not self._progress.failure:
            raise ApplicationError(
                "This process is not parked: there is no failed step to retry", type="NotParked"
            )
        if self._retry is not None or self._give_up is not None:
            raise ApplicationError("Somebody else has just acted on this process", type="NotParked")

    @workflow.update(
        description='Leave an aborted process as it is, e.g. {"by": "alice", "reason": "removed by hand"}'
    )
    async def give_up(self, note: OperatorNote = OperatorNote()) -> str:
        """End an aborted process that failed for good; its subscription stays out of sync."""
        self._give_up = note
        return "Given up: the subscription stays out of sync until somebody sets it in sync"

    @give_up.validator
    def _require_aborted(self, note: OperatorNote = OperatorNote()) -> None:
        self._require_parked(note)
        if self._heeds_cancellation:
            raise ApplicationError(
                "This process was not aborted: retry it, or abort it first", type="NotRollingBack"
            )

    async def follow(self, form: StartForm, result: type[S]) -> S:
        """Run the steps; return the subscription as the last one leaves it.

        Raises:
            ApplicationError: when the process was refused, or given up: Temporal shows it as failed.
            asyncio.CancelledError: when it was aborted and is rolled back: Temporal shows it as canceled.
        """
        self._form = form
        self._process = self._identify(form)
        self._details = Details(form.title, [Line(step.title) for step in self.sequence])
        self._details.announce(self._process)
        try:
            end = await self._forward()
        except asyncio.CancelledError:
            if workflow.cancellation_reason() is None:
                raise
            try:
                end = await self._roll_back()
            except ApplicationError as error:
                await self._end_by(error)
                raise
        if isinstance(end, CheckResult):
            if end.differences:
                await self._end_by_discrepancy(end)
            end = end.subscription
        await self._end(ProcessStatus.COMPLETED)
        assert isinstance(end, result)
        return end

    def _identify(self, form: StartForm) -> Process:
        info = workflow.info()
        try:
            process_id = printable(info.workflow_id)
        except ValueError as error:
            raise invalid_input(f"Invalid workflow id: {error}") from None
        return Process(
            process_id=process_id,
            first_execution_run_id=info.first_execution_run_id,
            workflow=info.workflow_type,
            target=self.target,
            subscription_id=form.subscription(process_id),
            by=form.by,
            reason=form.reason,
            started_at=workflow.now(),
        )

    async def _forward(self) -> Result:
        end: Result | None = None
        first = self._find_parked_step() if self._progress.failure else self._progress.next_step
        for line in self._details.lines[:first]:
            line.state = DONE
        for number, step in list(enumerate(self.sequence))[first:]:
            self._progress = self._progress.model_copy(update={"next_step": number})
            try:
                end = await self._finish(step, self._details.lines[number])
            except ApplicationError as error:
                await self._end_by(error)
                raise
            if number == 0 and isinstance(end, SubscriptionModel):
                self._details.show_subscription(end)
        assert end is not None  # there is always a step left: a process parks before it is done
        return end

    def _find_parked_step(self) -> int:
        # By its title: the code that it continues as new on may be of another release, with other steps.
        titles = [step.title for step in self.sequence]
        if self._progress.failed_step not in titles:
            # Ends this task, not the process: Temporal tries it again until some release knows the step.
            raise RuntimeError(f"This release has no step {self._progress.failed_step!r} to go on with")
        return titles.index(self._progress.failed_step)

    async def _finish(self, step: Step[Any, Any], line: Line) -> Result:
        while True:
            if self._progress.failure:  # parked, perhaps before it continued as new
                await self._wait_for_retry(step, line)
            line.state, line.started_at = RUNNING, line.started_at or workflow.now()
            self._details.show()
            try:
                end = await run_step(
                    step,
                    self._run(self._key(step)),
                    self._form,
                    heed_cancellation=self._heeds_cancellation,
                )
            except ApplicationError as error:
                if error.type in ENDS or error.type == GIVEN_UP:
                    raise
                if error.type == AbortRequested.__name__:
                    await workflow.wait_condition(lambda: False)  # the cancellation is on its way
                await self._park(step, error.message)
            else:
                line.state, line.ended_at = DONE, workflow.now()
                self._details.show()
                return end

    async def _park(self, step: Step[Any, Any], failure: str) -> None:
        self._progress = self._progress.model_copy(
            update={
                "failure": legible(failure) or "no reason given",
                "failed_step": step.title,
                "times_parked": self._progress.times_parked + 1,
            }
        )
        parked = OperatorNote.model_construct(reason=self._progress.failure)
        await self._record(step, "parked", parked)

    async def _wait_for_retry(self, step: Step[Any, Any], line: Line) -> None:
        line.state = PARKED
        notice = parked_notice(step.title, self._progress.failure, aborted=not self._heeds_cancellation)
        self._details.show_status(ProcessStatus.FAILED, notice)
        await self._continue_as_new_when_long()
        await workflow.wait_condition(
            lambda: self._retry is not None or self._give_up is not None,
            timeout_summary=f"{step.title} failed; waits for somebody to retry or to abort",
        )
        if self._give_up is not None:
            await self._end_given_up(step, self._give_up)
        assert self._retry is not None
        await self._record(step, "retried", self._retry)
        self._progress = self._progress.model_copy(update={"failure": ""})
        self._retry = None
        self._details.show_status(ProcessStatus.RUNNING, "")

    async def _continue_as_new_when_long(self) -> None:
        # The cancellation of a process that is being rolled back would be forgotten by a new run.
        if not self._heeds_cancellation or workflow.info().get_current_history_length() < LONGEST_HISTORY:
            return
        # A retry that has come waits for this process: so this process must not wait for it.
        await workflow.wait_condition(lambda: self._retry is not None or workflow.all_handlers_finished())
        if self._retry is None:
            workflow.continue_as_new(self._form, memo={"progress": self._progress})

    async def _roll_back(self) -> Result:
        """Undo what the database says was done; return how the process ends where it is too late."""
        self._heeds_cancellation = False
        self._retry = None
        self._progress = self._progress.model_copy(update={"failure": ""})  # from now on no retry is taken
        reason = legible(workflow.cancellation_reason() or "") or None
        names = [step.name for step in self.sequence]
        begin = BeginRollBack(
            run=self._run(names[self._progress.next_step]),
            last_step=names[-1],
            no_way_back=tuple(names[names.index(self.no_way_back) :]) if self.no_way_back else (),
            reason=reason,
        )
        begun = await self._database("Begin roll-back", Bookkeeping.begin_roll_back, begin)
        if begun.completed is not None:
            self._details.notice = "The abort came too late: the last step had committed."
            return CheckResult(subscription=begun.completed, differences=begun.differences)
        if begun.no_way_back:
            self._details.show_status(
                ProcessStatus.RUNNING, "The abort came too late: there is only the way forward."
            )
            return await self._forward()
        self._rolling_back = True
        why = quoted(reason or "no reason given")
        self._details.show_status(ProcessStatus.RUNNING, f"Being rolled back.\n\n{why}")
        if begun.held:
            for step in self.roll_back:
                line = Line(f"Roll-back: {step.title}")
                self._details.lines.append(line)
                await self._finish(step, line)
        else:
            await self._record_end(ProcessStatus.ABORTED, None)
        self._details.notice = f"Aborted, and rolled back.\n\n{why}"
        await self._end(ProcessStatus.ABORTED)
        raise asyncio.CancelledError

    def _key(self, step: Step[Any, Any]) -> str:
        # In the ledger the steps of the roll-back have names of their own: some are the same activities.
        return f"roll_back: {step.name}" if self._rolling_back else step.name

    def _run(self, key: str) -> StepRun:
        return StepRun(
            process=self._process,
            step=key,
            at=workflow.now(),
            rolling_back=self._rolling_back,
            heeds_abort=self._heeds_cancellation,
        )

    async def _database(self, title: str, activity: MethodAsyncSingleParam[Any, A, R], argument: A) -> R:
        return await run_local(activity, argument, title, heed_cancellation=self._heeds_cancellation)

    async def _record(self, step: Step[Any, Any], event: Event, note: OperatorNote) -> None:
        happened = ProcessEvent(
            run=self._run(self._key(step)),
            event=event,
            number=self._progress.times_parked,
            by=note.by,
            reason=note.reason,
            run_id=workflow.info().run_id,
        )
        await self._database(f"Record: {event}", Bookkeeping.record_event, happened)

    async def _record_end(
        self, status: ProcessStatus, failed_reason: str | None, error_type: str | None = None
    ) -> None:
        step = self.sequence[self._progress.next_step].name
        end = EndProcess(
            run=self._run(step), status=status, failed_reason=failed_reason, error_type=error_type
        )
        await self._database(f"Record: {status}", Bookkeeping.end_process, end)

    async def _end_by(self, error: ApplicationError) -> None:
        if error.type == GIVEN_UP or self._details.status in ENDED:
            return
        refused = error.type in REFUSALS or error.type == InvalidInput.__name__
        status = ProcessStatus.REFUSED if refused else ProcessStatus.FAILED
        if error.type not in WITHOUT_ROW or self._progress.next_step > 0:
            await self._record_end(status, error.message, error.type)
        self._details.notice = quoted(error.message)
        await self._end(status)

    async def _end_by_discrepancy(self, end: CheckResult) -> None:
        message = str(DiscrepancyFound(end.subscription, end.differences))
        self._details.notice = quoted(message)
        await self._end(ProcessStatus.FAILED)
        raise ApplicationError(message, type=DiscrepancyFound.__name__, non_retryable=True)

    async def _end_given_up(self, step: Step[Any, Any], note: OperatorNote) -> None:
        await self._record(step, "given up", note)
        await self._record_end(ProcessStatus.FAILED, self._progress.failure, GIVEN_UP)
        self._details.notice = (
            f"Given up; the subscription stays out of sync.\n\n{quoted(self._progress.failure)}"
        )
        await self._end(ProcessStatus.FAILED)
        raise ApplicationError(self._progress.failure, type=GIVEN_UP, non_retryable=True)

    async def _end(self, status: ProcessStatus) -> None:
        self._details.show_status(status, self._details.notice)
        await workflow.wait_condition(workflow.all_handlers_finished)
