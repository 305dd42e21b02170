"""Steps: how one runs, locally or as a regular activity, and the generic ones."""

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
    from activities.inputs import (
        CheckResult,
        Conclude,
        CreateSubscription,
        InitializeSubscription,
        LockSubscription,
        ModifyValues,
        SetStatus,
        StepRun,
    )
    from activities.subscriptions import SubscriptionActivities
    from products.subscription import Status, SubscriptionModel
    from workflows.forms import CreateForm, ExistingForm, StartForm

F = TypeVar("F", bound=StartForm)
C = TypeVar("C", bound=CreateForm)
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


def create_subscription(product_type: str, product: Callable[[C], str]) -> Step[C, CreateSubscription]:
    """Insert the virgin subscription on this product (name or UUID) of this type, held by the process."""

    def inputs(run: StepRun, form: C) -> CreateSubscription:
        return CreateSubscription(
            run=run,
            product=product(form),
            product_type=product_type,
            customer_id=form.customer(run.process.process_id),
            values=form.initial_values(),
        )

    return Step("Create subscription", SubscriptionActivities.create_subscription, inputs)


def store_process_subscription() -> Step[StartForm, StepRun]:
    """Relate process and subscription in the trail."""
    return Step(
        "Create Process Subscription relation", SubscriptionActivities.store_process_subscription, bare
    )


def initialize_subscription() -> Step[CreateForm, InitializeSubscription]:
    """Fill the resource types from the form, and go to `provisioning`."""

    def inputs(run: StepRun, form: CreateForm) -> InitializeSubscription:
        return InitializeSubscription(run=run, values=form.later_values())

    return Step("Initialize subscription", SubscriptionActivities.initialize_subscription, inputs)


def set_status(status: Status) -> Step[StartForm, SetStatus]:
    """Go to another lifecycle state."""

    def inputs(run: StepRun, form: StartForm) -> SetStatus:
        return SetStatus(run=run, status=status)

    return Step(f"Set subscription to '{status}'", SubscriptionActivities.set_status, inputs)


def resync() -> Step[StartForm, StepRun]:
    """Unlock the subscription and close the trail row: the last step of every process."""
    return Step("Unlock subscription", SubscriptionActivities.resync, bare)


def unsync(product_type: str) -> Step[ExistingForm, LockSubscription]:
    """Lock the subscription, if the gate lets this process; keep it as it was."""

    def inputs(run: StepRun, form: ExistingForm) -> LockSubscription:
        return LockSubscription(
            run=run,
            product_type=product_type,
            version=form.version,
            unchangeable=form.unchanged(),
            values=form.values(),
        )

    return Step("Lock subscription", SubscriptionActivities.unsync, inputs)


def restore_subscription() -> Step[StartForm, StepRun]:
    """Give the subscription the content that it had when it was locked."""
    return Step("Restore subscription", SubscriptionActivities.restore_subscription, bare)


def conclude_validation(check: Step[Any, Any]) -> Step[StartForm, Conclude]:
    """Unlock the subscription, in sync or with the discrepancies that this step has found."""

    def inputs(run: StepRun, form: StartForm) -> Conclude:
        return Conclude(run=run, check=check.name)

    return Step("Unlock subscription", SubscriptionActivities.conclude_validation, inputs)


def call_external_system(
    title: str, activity: MethodAsyncSingleParam[Any, StepRun, Any]
) -> Step[StartForm, StepRun]:
    """Call an external system: the activity needs nothing from the form."""
    return Step(title, activity, bare, external=True)


def change_external_system(
    title: str, activity: MethodAsyncSingleParam[Any, ModifyValues, Any]
) -> Step[StartForm, ModifyValues]:
    """Call an external system with the values from the form."""

    def inputs(run: StepRun, form: StartForm) -> ModifyValues:
        return ModifyValues(run=run, values=form.values())

    return Step(title, activity, inputs, external=True)


def bare(run: StepRun, form: StartForm) -> StepRun:
    """Make the input of a step that needs nothing from the form."""
    return run


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
