"""The frame of every process: its steps in order, parking, retry, abort with roll-back."""

import asyncio
from typing import ClassVar, TypeVar

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.errors import AbortRequested
    from orchestrator.domain.process import Course, Event, ProcessStatus, Target
    from orchestrator.domain.subscription import SubscriptionModel
    from orchestrator.domain.text import legible
    from orchestrator.process.correction import correct, require_correctable
    from orchestrator.process.details import DONE, RUNNING, Details, Line, changes_table
    from orchestrator.process.endings import ENDS, GIVEN_UP, Endings
    from orchestrator.process.forms import OperatorNote, StartForm
    from orchestrator.process.messages import Adoption, CheckResult, RollBackBegun, StepRun, Values
    from orchestrator.process.soundness import require_sound
    from orchestrator.process.steering import Steered
    from orchestrator.process.step import Result, Step, run_adoption, run_step
    from orchestrator.process.trail import Trail, identify
    from orchestrator.temporal.priorities import BY_HAND
    from orchestrator.temporal.search_attributes import WAITING
    from orchestrator.temporal.waiting import Waiting

S = TypeVar("S", bound=SubscriptionModel)

LONGEST_HISTORY = 500
"""Events after which a process that parks continues as new: it may be retried often, for weeks."""


class ProcessFrame(Steered):
    """A process: a workflow class extends it, names its steps, and calls `follow` from `run`.

    Raises (when a subclass is defined):
        UnsoundProcess: as `require_sound`.
    """

    target: ClassVar[Target]
    sequence: ClassVar[tuple[Step, ...]]
    """The steps of the process, in order; the last one unlocks the subscription."""
    roll_back: ClassVar[tuple[Step, ...]]
    """The steps of the roll-back of an aborted process, in order; the last one unlocks the subscription."""
    pivot: ClassVar[Step | None] = None
    """The point of no return: once this step has begun, an abort finishes the process instead of rolling it
    back. `None`: it can always be rolled back."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        require_sound(cls.__name__, cls.sequence, cls.roll_back, cls.pivot)

    def __init__(self) -> None:
        super().__init__()
        self._has_run_a_step = False

    async def follow(self, form: StartForm, result: type[S]) -> S:
        """Run the steps; return the subscription as the last one leaves it.

        Args:
            result: the class of the subscription after the last step.

        Raises:
            ApplicationError: when the process was refused or given up, or found a discrepancy; Temporal
                shows it as failed.
            asyncio.CancelledError: when it was aborted and is rolled back; Temporal shows it as canceled.
        """
        self._form, self._result = form, result
        self._trail = Trail(identify(form, self.target))
        lines = [Line(step.title) for step in self.sequence]
        self._details = Details(form.title, lines, lambda: changes_table(self._progress, self._form))
        self._details.announce(self._trail.process)
        self._endings = Endings(self._details, self._trail)
        end = await self._go()
        if isinstance(end, CheckResult):
            if end.differences:
                await self._endings.find_discrepancy(end)
            end = end.subscription
        await self._endings.complete()
        assert isinstance(end, result)
        return end

    async def _go(self) -> Result:
        try:
            if self._progress.course is Course.FORWARD:
                try:
                    return await self._forward()
                except asyncio.CancelledError:
                    if workflow.cancellation_reason() is None:
                        raise
            return await self._go_on_aborted()
        except ApplicationError as error:
            await self._endings.fail(error, self._now(), first=self._progress.next_step == 0)
            raise

    async def _forward(self) -> Result:
        end: Result | None = None
        first = self._parked_on(self.sequence) if self._progress.failure else self._progress.next_step
        self._show_done(first)
        for number, step in list(enumerate(self.sequence))[first:]:
            self._note(next_step=number)
            end = await self._finish(step, self._details.lines[number])
            self._progress = self._progress.after_step(self._trail.process, end)
            if number == 0 and isinstance(end, SubscriptionModel):
                self._details.show_subscription(end)
        assert end is not None  # there is always a step left: a process parks before it is done
        return end

    async def _go_on_aborted(self) -> Result:
        """Go the way that the database says: back, or on to the end if the abort came too late."""
        if self._progress.course is not Course.FORWARD:
            self._show_done(self._progress.next_step)
            await self._take_abort_again()
        elif (end := await self._begin_roll_back()) is not None:
            return end
        if self._progress.course is Course.BACKWARD:
            await self._backward()
        return await self._forward()

    async def _begin_roll_back(self) -> Result | None:
        """Set the course of a process that was aborted; return its result if it has completed already."""
        reason = legible(workflow.cancellation_reason() or "")
        # No retry is taken from now on. The roll-back begins when the database says so.
        self._note(failure="", course=Course.FORWARD_ONLY, abort_reason=reason, correction={})
        begun = await self._decide_course(reason)
        if begun.completed is not None:
            self._details.notice = "The abort came too late: the last step had committed."
            return CheckResult(subscription=begun.completed, differences=begun.differences)
        self._show_course()
        if self._progress.course is Course.BACKWARD and not begun.held:  # there is nothing to undo
            await self._trail.end(ProcessStatus.ABORTED, self._now())
            await self._endings.abort(reason)
        return None

    async def _decide_course(self, reason: str) -> RollBackBegun:
        """Ask the database which way the process goes; a retry that has arrived waits for that."""
        if self._retry is not None and not workflow.patched("a-retry-waits-for-the-course"):
            self._retry = None
        try:
            begun = await self._trail.begin_roll_back(self._now(), self.sequence, self.pivot, reason or None)
            if begun.completed is None and not begun.past_pivot:
                self._note(course=Course.BACKWARD)
            return begun
        finally:
            self._retry = None

    async def _backward(self) -> None:
        lines = [Line(f"Roll-back: {step.title}") for step in self.roll_back]
        first = self._parked_on(self.roll_back, "Roll-back: ") if self._progress.failure else 0
        for line in lines[:first]:
            line.state = DONE
        self._details.lines += lines[:first]
        for step, line in list(zip(self.roll_back, lines, strict=True))[first:]:
            self._details.lines.append(line)
            await self._finish(step, line)
        await self._endings.abort(self._progress.abort_reason)

    async def _take_abort_again(self) -> None:
        """Have this execution canceled, as the run was that has continued as this one.

        Temporal closes as canceled only an execution whose cancellation was requested, and a new run starts
        without. The first steps of a new run are the moment at which nothing else can be in progress.
        """
        try:
            await self._trail.repeat_abort(self._progress.abort_reason, self._progress.course)
            await workflow.wait_condition(lambda: workflow.cancellation_reason() is not None)
        except (ApplicationError, asyncio.CancelledError):
            # Once it is here, nothing else counts: not even whether the answer to the request came back.
            if workflow.cancellation_reason() is None:
                raise

    async def _finish(self, step: Step, line: Line) -> Result:
        self._step = step
        try:
            return await self._run_until_done(step, line)
        finally:
            self._step = self._adopted = None

    async def _run_until_done(self, step: Step, line: Line, priority: Priority = Priority.default) -> Result:
        while True:
            if self._progress.failure:  # parked, perhaps before it continued as new
                await self._wait_for_retry(step, line)
                priority = BY_HAND
            line.state, line.started_at = RUNNING, line.started_at or workflow.now()
            self._details.show()
            self._has_run_a_step = True
            try:
                await self._correct()
                end = await run_step(step, self._run(self._key(step)), self._form, priority)
            except ApplicationError as error:
                if error.type in ENDS or error.type == GIVEN_UP:
                    raise
                if error.type == AbortRequested.__name__:
                    await workflow.wait_condition(lambda: False)  # the cancellation is on its way
                if self._adopted is None:
                    await self._park(step, line, error.message)
                self._adopted = None  # if somebody has adopted the step, it finds its result now
            else:
                line.state, line.ended_at = DONE, workflow.now()  # shown with what comes next
                if self._details.status == WAITING:
                    self._show_course(self._adopted)
                return end

    def _show_waiting(self, waiting: Waiting) -> None:
        step = self._step  # a late signal may come after it
        if step is None or self._progress.failure:
            return
        if step.activity.__name__ == waiting.activity:  # type: ignore[attr-defined]
            self._details.show_waiting(step.title, waiting)

    def _corrected(self, values: Values) -> StartForm:
        require_correctable(self._progress, self.sequence, self.pivot)
        return correct(self._form, values, fixed=self._result.block_class().references())

    async def _take_over(self, step: Step, adoption: Adoption) -> None:
        await run_adoption(step, self._run(self._key(step)), self._form, adoption)

    async def _correct(self) -> None:
        """Commit corrected values, under a key of their own, before the step runs that needs them."""
        if self._progress.correction:
            run = self._run(f"correct_values {self._progress.times_parked}")
            await self._trail.correct(self._progress.correction, run)
            self._note(correction={})

    async def _park(self, step: Step, line: Line, failure: str) -> None:
        self._note(
            failure=legible(failure) or "no reason given",
            failed_step=line.title,
            times_parked=self._progress.times_parked + 1,
        )
        parked = OperatorNote.model_construct(reason=self._progress.failure)
        await self._record(step, "parked", parked)

    async def _wait_for_retry(self, step: Step, line: Line) -> None:
        self._details.show_parked(line, step.title, self._progress, adoptable=step.external)
        await self._continue_as_new_when_long()
        await workflow.wait_condition(
            lambda: self._retry is not None or self._give_up is not None,
            timeout_summary=f"{step.title} failed; waits for somebody to retry or to abort",
        )
        if self._give_up is not None:
            await self._record(step, "given up", self._give_up)
            await self._endings.give_up(self._progress.failure, self._now())
        assert self._retry is not None
        corrected = self._corrected(self._retry.values) if self._retry.values else self._form
        correction = {name: corrected.values()[name] for name in self._retry.values}
        told = self._retry.about(correction)
        await self._record(step, "retried" if self._adopted is None else "adopted", told)
        self._form, self._details.title = corrected, corrected.title
        self._note(failure="", correction=self._progress.correction | correction)
        self._show_course(told)
        self._retry = self._adopted = None

    async def _continue_as_new_when_long(self) -> None:
        long = workflow.info().get_current_history_length() >= LONGEST_HISTORY
        if not long or not self._has_run_a_step:
            return
        aborted = self._progress.course is not Course.FORWARD
        # One mark for each time: the SDK would answer for all of them what it has answered once.
        if aborted and not workflow.patched(f"aborted-continues-as-new-{self._progress.times_parked}"):
            return
        # A retry that has arrived waits for this process, so this process must not wait for the retry.
        await workflow.wait_condition(lambda: self._retry is not None or workflow.all_handlers_finished())
        if self._retry is None and self._give_up is None:
            workflow.continue_as_new(self._form, memo={"progress": self._progress})

    def _show_course(self, told: OperatorNote | None = None) -> None:
        did = "Retried" if self._adopted is None else "Adopted"
        self._details.show_course(self._progress.course, self._progress.abort_reason, told, did)

    def _show_done(self, first: int) -> None:
        """Show the steps before this one as done; another run may have run them."""
        for line in self._details.lines[:first]:
            line.state = DONE

    def _parked_on(self, steps: tuple[Step, ...], prefix: str = "") -> int:
        # By its title: the code that it continues as new on may be of another release, with other steps.
        titles = [prefix + step.title for step in steps]
        if self._progress.failed_step not in titles:
            # Ends this task, not the process: Temporal retries it until some release knows the step.
            raise RuntimeError(f"This release has no step {self._progress.failed_step!r} to go on with")
        return titles.index(self._progress.failed_step)

    def _note(self, **progress: object) -> None:
        self._progress = self._progress.model_copy(update=progress)

    def _key(self, step: Step) -> str:
        # The roll-back has keys of its own in the ledger: some of its steps call the same activities.
        return f"roll_back: {step.key}" if self._progress.course is Course.BACKWARD else step.key

    def _run(self, key: str) -> StepRun:
        return self._trail.run(key, self._progress.course)

    async def _record(self, step: Step, event: Event, note: OperatorNote) -> None:
        await self._trail.record(event, note, self._run(self._key(step)), number=self._progress.times_parked)

    def _now(self) -> StepRun:
        """Return the step of the sequence that the process has come to, as it runs now."""
        return self._run(self.sequence[self._progress.next_step].key)
