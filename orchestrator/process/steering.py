"""What can be sent to a process: a person makes it go on or gives it up, a step tells that it waits."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.process import Course
    from orchestrator.process.forms import OperatorNote, RetryNote, StartForm
    from orchestrator.process.memo import Progress, carried
    from orchestrator.process.messages import Adoption, Values
    from orchestrator.process.step import Step
    from orchestrator.temporal.waiting import SIGNAL, Waiting


class Steered:
    """A process that a person can retry, adopt or give up.

    It is a base class because the Web UI shows the description of an update only if the update is declared
    on the class.
    """

    def __init__(self) -> None:
        # Here and not in `run`: an update may arrive before `run` begins.
        self._progress = carried("progress", Progress())
        self._retry: RetryNote | None = None
        self._give_up: OperatorNote | None = None
        self._adopted: OperatorNote | None = None
        """Who has adopted the result of the step that the process has come to; `None` if nobody has."""
        self._adopting = False
        self._step: Step | None = None
        """The step that runs or is parked; `None` between two."""

    def _corrected(self, values: Values) -> StartForm:
        """Return the input of the process with some of its values corrected.

        Raises:
            ApplicationError: when they do not fit, or can no longer be corrected.
        """
        raise NotImplementedError

    @workflow.update(
        description='Run the failed step again, e.g. {"by": "alice", "reason": "name freed"}, '
        'or with other values: {"values": {"group_name": "Security team"}}'
    )
    async def retry(self, note: RetryNote = RetryNote()) -> str:
        """Run the failed step again, and no earlier one. Return once the step has begun."""
        title, course = self._progress.failed_step, self._progress.course
        self._retry = note
        await workflow.wait_condition(lambda: self._retry is not note)
        if course is not Course.BACKWARD and self._progress.course is Course.BACKWARD:
            raise ApplicationError("This process was aborted in the same moment; it is being rolled back")
        return f"{title}: begun again"

    @retry.validator
    def _require_retriable(self, note: RetryNote = RetryNote()) -> None:
        self._require_parked()
        if note.values:
            self._corrected(note.values)

    def _require_parked(self) -> None:
        if not self._progress.failure:
            raise ApplicationError(
                "This process is not parked: there is no failed step to retry", type="NotParked"
            )
        if not self._is_free:
            raise ApplicationError("Somebody else has just acted on this process", type="NotParked")

    async def _take_over(self, step: Step, adoption: Adoption) -> None:
        """Commit what the external system has as the result of this step.

        Raises:
            ApplicationError: when the system has nothing that fits, or does not answer.
        """
        raise NotImplementedError

    @workflow.update(
        description="Take what the external system has as the result of the failed step: it was done by "
        'hand, e.g. {"by": "alice", "reason": "made by hand"}'
    )
    async def adopt(self, note: OperatorNote = OperatorNote()) -> str:
        """Take what the external system has as the result of the failed step, without another call."""
        step, self._adopting = self._step, True
        assert step is not None
        try:
            await self._take_over(step, Adoption(by=note.by, reason=note.reason))
        finally:
            self._adopting = False
        if self._step is step:
            self._adopted = note
            if self._progress.failure:
                self._retry = RetryNote(by=note.by, reason=note.reason)
        return f"{step.title}: adopted"

    @adopt.validator
    def _require_adoptable(self, note: OperatorNote = OperatorNote()) -> None:
        if self._progress.correction:
            raise ApplicationError(
                "Corrected values are being stored; try again in a moment", type="NotAdoptable"
            )
        if self._step is None or not self._step.external:
            raise ApplicationError(
                "This process is not at a step that calls an external system: there is nothing to adopt",
                type="NotAdoptable",
            )
        if not self._is_free:
            raise ApplicationError("Somebody else has just acted on this process", type="NotParked")

    @workflow.update(
        description='End an aborted process that is parked, e.g. {"by": "alice", "reason": "removed by hand"}'
    )
    async def give_up(self, note: OperatorNote = OperatorNote()) -> str:
        """End an aborted process that is parked; its subscription stays out of sync."""
        self._give_up = note
        return "Given up: the subscription stays out of sync until somebody sets it in sync"

    @give_up.validator
    def _require_aborted(self, note: OperatorNote = OperatorNote()) -> None:
        self._require_parked()
        if self._progress.course is Course.FORWARD:
            raise ApplicationError(
                "This process was not aborted: retry it, or abort it first", type="NotRollingBack"
            )

    @workflow.signal(name="retry", description="The update `retry` for many: a batch can send only signals")
    def retry_by_signal(self, note: OperatorNote = OperatorNote()) -> None:
        """Run the failed step again if the process is parked; else do nothing. A signal gets no answer."""
        if self._progress.failure and self._is_free:
            self._retry = RetryNote(by=note.by, reason=note.reason)

    def _show_waiting(self, waiting: Waiting) -> None:
        """Show that a step fails for now, if it is still in progress."""
        raise NotImplementedError

    @workflow.signal(name=SIGNAL, description="Sent by a step that fails for now; Temporal retries it")
    def is_waiting(self, waiting: Waiting) -> None:
        """Show that a step fails for now."""
        self._show_waiting(waiting)

    @property
    def _is_free(self) -> bool:
        """Whether nobody has acted on the process since it parked."""
        return self._retry is None and self._give_up is None and not self._adopting
