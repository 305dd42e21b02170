"""A step of a process, and how it runs: locally, or as a regular activity."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError
from temporalio.types import MethodAsyncSingleParam

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.subscription import SubscriptionModel
    from orchestrator.process.forms import StartForm
    from orchestrator.process.messages import CheckResult, StepRun

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
"""Without end: a passing reason passes, and nobody has to act."""

WAIT = workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
"""An abort is effective when the step in progress has ended: by default the SDK would not wait for it."""


def _local(title: str) -> workflow.LocalActivityConfig:
    return workflow.LocalActivityConfig(
        summary=title,
        start_to_close_timeout=timedelta(seconds=5),
        retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=50), maximum_attempts=2),
        cancellation_type=WAIT,
    )


def _regular(title: str) -> workflow.ActivityConfig:
    return workflow.ActivityConfig(
        summary=title,
        start_to_close_timeout=timedelta(seconds=30),
        retry_policy=PATIENT,
        cancellation_type=WAIT,
    )


def _external(title: str) -> workflow.ActivityConfig:
    return workflow.ActivityConfig(
        summary=title,
        start_to_close_timeout=timedelta(hours=1),
        heartbeat_timeout=timedelta(seconds=5),
        retry_policy=PATIENT,
        cancellation_type=WAIT,
    )


@dataclass(frozen=True)
class Step(Generic[F, A]):
    """One named line of a process."""

    title: str
    """What the Web UI shows."""
    activity: MethodAsyncSingleParam[Any, A, Any]
    inputs: Callable[[StepRun, F], A]
    """Makes the activity's input from the moment and the form."""
    external: bool = False
    """Whether it calls an external system: such a step is always a regular activity, and heartbeats."""

    @property
    def name(self) -> str:
        """The name of the step in the ledger and in the trail."""
        name: str = self.activity.__name__  # type: ignore[attr-defined]  # an activity is a function
        return name


async def run_step(step: Step[F, A], run: StepRun, form: F, *, heed_cancellation: bool) -> Result:
    """Run a step until it has ended, however often it has to be tried for a passing reason.

    Args:
        heed_cancellation: whether an abort ends the process after this step; it has no effect twice.

    Raises:
        ApplicationError: the final reason, with the class name of the domain error as its type.
        asyncio.CancelledError: when the process was cancelled, also where the step has ended all the same.
    """
    argument = step.inputs(run, form)
    if step.external:
        return await _until_ended(
            workflow.execute_activity_method(step.activity, argument, **_external(step.title)),
            heed_cancellation=heed_cancellation,
        )
    return await run_local(step.activity, argument, step.title, heed_cancellation=heed_cancellation)


async def run_local(
    activity: MethodAsyncSingleParam[Any, A, R], argument: A, title: str, *, heed_cancellation: bool
) -> R:
    """Run an activity that touches only PostgreSQL: locally; where that fails to pass, as a regular one.

    Local is fast where all is well; regular is visible and steerable in the Web UI where it is not.

    Raises:
        ApplicationError, asyncio.CancelledError: as `run_step`.
    """
    try:
        return await _until_ended(
            workflow.execute_local_activity_method(activity, argument, **_local(title)),
            heed_cancellation=heed_cancellation,
        )
    except FailureError as error:
        if isinstance(error, ApplicationError) and error.non_retryable:
            raise
    return await _until_ended(
        workflow.execute_activity_method(activity, argument, **_regular(title)),
        heed_cancellation=heed_cancellation,
    )


async def _until_ended(attempt: Awaitable[R], *, heed_cancellation: bool) -> R:
    # The SDK swallows a cancellation that the activity did not heed; the step's own end decides nothing
    # about it. During the roll-back the reason stands still there, but has been heeded.
    try:
        result = await attempt
    except FailureError as error:
        if heed_cancellation and workflow.cancellation_reason() is not None:
            raise asyncio.CancelledError from error
        # A final reason arrives bare from a local activity, wrapped from a regular one.
        if isinstance(error, ActivityError) and isinstance(error.cause, ApplicationError):
            raise error.cause from None
        if isinstance(error, ActivityError):  # somebody has set a time limit, or an end to the attempts
            raise ApplicationError(f"{error.cause or error}", type="StepTimedOut") from None
        raise
    if heed_cancellation and workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError
    return result
