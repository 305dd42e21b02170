"""What the workflow of a process writes into the trail beside its steps."""

from typing import Any, TypeVar

from temporalio import workflow
from temporalio.types import MethodAsyncSingleParam

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.process import Course, Event, Process, ProcessStatus, Target
    from orchestrator.domain.text import printable
    from orchestrator.process.bookkeeping import Bookkeeping
    from orchestrator.process.forms import OperatorNote, StartForm
    from orchestrator.process.messages import (
        BeginRollBack,
        CorrectValues,
        EndProcess,
        ProcessEvent,
        RepeatAbort,
        RollBackBegun,
        StepRun,
        Values,
    )
    from orchestrator.process.step import Step, run_local
    from orchestrator.temporal.payloads import invalid_input

A = TypeVar("A")
R = TypeVar("R")


def identify(form: StartForm, target: Target) -> Process:
    """Return the identity of the process that this workflow execution is.

    Raises:
        ApplicationError: (InvalidInput) when the workflow id has control characters.
    """
    info = workflow.info()
    try:
        process_id = printable(info.workflow_id)
    except ValueError as error:
        raise invalid_input(f"Invalid workflow id: {error}") from None
    return Process(
        process_id=process_id,
        first_execution_run_id=info.first_execution_run_id,
        workflow=info.workflow_type,
        target=target,
        subscription_id=form.subscription(process_id),
        by=form.by,
        reason=form.reason,
        started_at=workflow.now(),
    )


class Trail:
    """Writes the trail of one process, through the bookkeeping activities.

    Every method raises asyncio.CancelledError when an abort was requested and the process goes forward.
    """

    def __init__(self, process: Process) -> None:
        self.process = process

    def run(self, key: str, course: Course) -> StepRun:
        """Return what a step is told that runs now.

        Args:
            key: the name of the step in the ledger.
        """
        return StepRun(process=self.process, step=key, at=workflow.now(), course=course)

    async def record(self, event: Event, note: OperatorNote, run: StepRun, *, number: int) -> None:
        """Record an event on the way of the process.

        Args:
            run: the step that the event is about.
            number: sequence number among this execution's events of the same kind, starting at 1.
        """
        happened = ProcessEvent(
            run=run,
            event=event,
            number=number,
            by=note.by,
            reason=note.reason,
            run_id=workflow.info().run_id,
        )
        await _write(f"Record: {event}", Bookkeeping.record_event, happened, run.course)

    async def correct(self, values: Values, run: StepRun) -> None:
        """Store corrected values in the subscription, as a step of its own.

        Args:
            run: the correction, under a key of its own.

        Raises:
            ApplicationError: when a value does not fit its resource type.
        """
        await _write(
            "Correct values", Bookkeeping.correct_values, CorrectValues(run=run, values=values), run.course
        )

    async def end(
        self,
        status: ProcessStatus,
        run: StepRun,
        failed_reason: str | None = None,
        error_type: str | None = None,
    ) -> None:
        """Close the trail row of a process that ends before its last step.

        Args:
            run: the step that the process has come to.
            error_type: the type of the error that the process ends with; `None` if it was aborted.
        """
        end = EndProcess(run=run, status=status, failed_reason=failed_reason, error_type=error_type)
        await _write(f"Record: {status}", Bookkeeping.end_process, end, run.course)

    async def begin_roll_back(
        self, run: StepRun, sequence: tuple[Step, ...], pivot: Step | None, reason: str | None
    ) -> RollBackBegun:
        """Return what the database says about a process that was aborted.

        Args:
            run: the step that was interrupted.
            reason: who aborted it and why.

        Raises:
            ApplicationError: when the process has ended already; the error that it ended with.
        """
        keys = [step.key for step in sequence]
        from_pivot = keys[sequence.index(pivot) :] if pivot else []
        begin = BeginRollBack(run=run, last_step=keys[-1], from_pivot=tuple(from_pivot), reason=reason)
        return await _write("Begin roll-back", Bookkeeping.begin_roll_back, begin, run.course)

    async def repeat_abort(self, reason: str, course: Course) -> None:
        """Request the cancellation of this execution, which the run before it had taken."""
        again = RepeatAbort(
            process_id=self.process.process_id,
            first_execution_run_id=self.process.first_execution_run_id,
            reason=reason,
        )
        await _write("Repeat the abort", Bookkeeping.repeat_abort, again, course)


async def _write(title: str, activity: MethodAsyncSingleParam[Any, A, R], argument: A, course: Course) -> R:
    return await run_local(activity, argument, title, course)
