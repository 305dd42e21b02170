"""What a workflow that continues as new carries in its memo from one run to the next."""

from typing import TypeVar

from pydantic import BaseModel
from temporalio import workflow

from orchestrator.domain.process import Course, Process, Target
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.messages import Values

M = TypeVar("M", bound=BaseModel)


class Progress(BaseModel):
    """How far a process has come: carried in the memo when it continues as new."""

    next_step: int = 0
    """Index of the step of the sequence that the process has come to."""
    times_parked: int = 0
    failure: str = ""
    """Why the process is parked; empty while it is not."""
    failed_step: str = ""
    """The title of the line that the process is parked on."""
    course: Course = Course.FORWARD
    abort_reason: str = ""
    """Who aborted the process and why; may be empty."""
    correction: Values = {}
    """Corrected values that the subscription does not have yet."""
    before: Values | None = None
    """The values of the subscription as a modify locked it; `None` before that, and for other processes."""

    def after_step(self, process: Process, result: BaseModel) -> "Progress":
        """Return the progress after a step: a modify keeps the values that it has found when it locked."""
        locked = isinstance(result, SubscriptionModel) and result.held_by == process.process_id
        if process.target is not Target.MODIFY or self.before is not None or not locked:
            return self
        assert isinstance(result, SubscriptionModel)
        return self.model_copy(update={"before": result.block.own_values()})


def carried(name: str, otherwise: M) -> M:
    """Return what the run before has carried, or `otherwise` if this is the first run.

    The caller that starts a workflow may give it a memo, too; the first run ignores it.
    """
    if not is_continued():
        return otherwise
    return workflow.memo_value(name, otherwise, type_hint=type(otherwise))


def is_continued() -> bool:
    """Return whether another run has continued as this one."""
    return workflow.info().continued_run_id is not None
