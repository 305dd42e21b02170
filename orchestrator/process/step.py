"""A step of a process, and how it runs: locally, or as a regular activity."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, TypeVar

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError
from temporalio.types import MethodAsyncSingleParam

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.process import Course
    from orchestrator.domain.subscription import SubscriptionModel
    from orchestrator.process.forms import StartForm
    from orchestrator.process.messages import Adoption, CheckResult, StepRun
    from orchestrator.temporal.priorities import BY_HAND

F = TypeVar("F", bound=StartForm)
A = TypeVar("A")
R = TypeVar("R")
Result = SubscriptionModel | CheckResult
"""What a step returns."""

PATIENT = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2,
    maximum_interval=timedelta(minutes=10),
)
"""Retry without end: a passing reason passes, and nobody has to act."""

SHORT = RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_attempts=3)
"""Retry a few times: somebody waits for the answer, and nobody else may act meanwhile."""

WAIT = workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
"""An abort takes effect when the step in progress has ended; by default the SDK would not wait for it."""


def _local(title: str) -> workflow.LocalActivityConfig:
    return workflow.LocalActivityConfig(
        summary=title,
        start_to_close_timeout=timedelta(seconds=5),
        retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=50), maximum_attempts=2),
        cancellation_type=WAIT,
    )


def _regular(title: str, priority: Priority) -> workflow.ActivityConfig:
    return workflow.ActivityConfig(
        summary=title,
        priority=priority,
        start_to_close_timeout=timedelta(seconds=30),
        retry_policy=PATIENT,
        cancellation_type=WAIT,
    )


def _external(title: str, priority: Priority) -> workflow.ActivityConfig:
    return workflow.ActivityConfig(
        summary=title,
        priority=priority,
        start_to_close_timeout=timedelta(hours=1),
        heartbeat_timeout=timedelta(seconds=5),
        retry_policy=PATIENT,
        cancellation_type=WAIT,
    )


@dataclass(frozen=True)
class Step:
    """One named line of a process; made by `Step.of`, which checks that its parts fit each other."""

    title: str
    """What the Web UI shows."""
    activity: MethodAsyncSingleParam[Any, Any, Any]
    inputs: Callable[[StepRun, Any], object]
    """Makes the activity's input from the moment and the form."""
    key: str
    """The name of the step in the ledger and in the trail; unique in its process."""
    external: bool = False
    """Whether it calls an external system: such a step is always a regular activity, and heartbeats."""
    unlocks: bool = False
    """Whether it unlocks the subscription: the last step does, and no other."""

    @classmethod
    def of(
        cls,
        title: str,
        activity: MethodAsyncSingleParam[Any, A, Any],
        inputs: Callable[[StepRun, F], A],
        *,
        key: str | None = None,
        external: bool = False,
        unlocks: bool = False,
    ) -> Self:
        """Return a step that calls this activity with these inputs.

        Args:
            key: its name in the ledger; `None` means the name of the activity. Give one if a process calls
                the same activity twice.
        """
        name: str = activity.__name__  # type: ignore[attr-defined]  # an activity is a function
        return cls(title, activity, inputs, key or name, external, unlocks)


def bare(run: StepRun, form: StartForm) -> StepRun:
    """Return the input of a step that needs nothing from the form."""
    return run


async def run_step(
    step: Step, run: StepRun, form: StartForm, priority: Priority = Priority.default
) -> Result:
    """Run a step until it has ended; Temporal retries it as long as it fails for a passing reason.

    Args:
        priority: how urgent it is for the task queue; by default as urgent as the process.

    Raises:
        ApplicationError: the final reason, with the class name of the domain error as its type.
        asyncio.CancelledError: when an abort was requested and the process goes forward; the step may have
            completed all the same.
    """
    argument = step.inputs(run, form)
    call = run_external if step.external else run_local
    return await call(step.activity, argument, step.title, run.course, priority)


async def run_adoption(step: Step, run: StepRun, form: StartForm, adoption: Adoption) -> None:
    """Commit what the external system has as the result of this step, without calling the step.

    Raises:
        ApplicationError: when the system has nothing that fits, or does not answer three times. Unless
            the answer of PostgreSQL was lost, nothing has changed.
    """
    config = _external(f"Adopt: {step.title}", BY_HAND)
    config["start_to_close_timeout"], config["retry_policy"] = timedelta(seconds=10), SHORT
    adopting = run.model_copy(update={"adoption": adoption})
    # An abort does not cancel this: it waits for the step, which the adoption may just have committed.
    await _until_ended(
        workflow.execute_activity_method(step.activity, step.inputs(adopting, form), **config),
        Course.FORWARD_ONLY,
    )


async def run_external(
    activity: MethodAsyncSingleParam[Any, A, R],
    argument: A,
    title: str,
    course: Course,
    priority: Priority = Priority.default,
) -> R:
    """Run an activity that calls an external system: as a regular one, with an hour and heartbeats.

    Raises:
        ApplicationError, asyncio.CancelledError: as `run_step`.
    """
    call = workflow.execute_activity_method(activity, argument, **_external(title, priority))
    return await _until_ended(call, course)


async def run_local(
    activity: MethodAsyncSingleParam[Any, A, R],
    argument: A,
    title: str,
    course: Course,
    priority: Priority = Priority.default,
) -> R:
    """Run an activity that touches only PostgreSQL: as a local one, and if that fails, as a regular one.

    A local activity is fast. A regular one is retried without end, and the Web UI shows and steers it. A
    final reason ends the local one for good.

    Raises:
        ApplicationError, asyncio.CancelledError: as `run_step`.
    """
    try:
        local = workflow.execute_local_activity_method(activity, argument, **_local(title))
        return await _until_ended(local, course)
    except FailureError as error:
        if isinstance(error, ApplicationError) and error.non_retryable:
            raise
    regular = workflow.execute_activity_method(activity, argument, **_regular(title, priority))
    return await _until_ended(regular, course)


async def _until_ended(attempt: Awaitable[R], course: Course) -> R:
    # The SDK drops a cancellation that the activity ignored, so check for it here. After an abort
    # `cancellation_reason()` stays set, but has been dealt with: the process no longer goes forward.
    heed_cancellation = course is Course.FORWARD
    try:
        result = await attempt
    except FailureError as error:
        if heed_cancellation and workflow.cancellation_reason() is not None:
            raise asyncio.CancelledError from error
        # A local activity raises a final reason as it is; a regular one wraps it.
        if isinstance(error, ActivityError) and isinstance(error.cause, ApplicationError):
            raise error.cause from None
        if isinstance(error, ActivityError):  # an operator has limited its time or its attempts
            raise ApplicationError(f"{error.cause or error}", type="StepTimedOut") from None
        raise
    if heed_cancellation and workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError
    return result
