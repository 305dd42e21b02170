"""Which values of a process can still be corrected."""

from collections.abc import Collection, Sequence

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.errors import InvalidInput
    from orchestrator.domain.process import Course
    from orchestrator.process.forms import StartForm
    from orchestrator.process.memo import Progress
    from orchestrator.process.messages import Values
    from orchestrator.process.step import Step
    from orchestrator.temporal.payloads import invalid_input


def require_correctable(progress: Progress, sequence: Sequence[Step], pivot: Step | None) -> None:
    """Require that no step has called an external system with the values, and that the process goes forward.

    Raises:
        ApplicationError: (NotCorrectable) when one has, or when it does not.
    """
    called = any(step.external for step in sequence[: progress.next_step])
    past_pivot = pivot is not None and progress.next_step >= sequence.index(pivot)
    if progress.course is not Course.FORWARD or called or past_pivot:
        raise ApplicationError(
            "Values can be corrected only before a step has called an external system with them; "
            "abort the process, and start again",
            type="NotCorrectable",
        )


def correct(form: StartForm, values: Values, fixed: Collection[str]) -> StartForm:
    """Return the form with corrected values.

    Args:
        fixed: names that cannot be corrected.

    Raises:
        ApplicationError: (InvalidInput) when a value does not fit, or cannot be corrected.
    """
    try:
        return form.corrected(values, fixed=fixed)
    except InvalidInput as error:
        raise invalid_input(str(error)) from None
