"""Steps: the generic ones, as a workflow file names them."""

from collections.abc import Callable
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.types import MethodAsyncSingleParam

with workflow.unsafe.imports_passed_through():
    from activities.subscriptions import SubscriptionActivities
    from orchestrator.domain.subscription import Status
    from orchestrator.process.forms import CreateForm, ExistingForm, StartForm
    from orchestrator.process.messages import (
        Conclude,
        CreateSubscription,
        InitializeSubscription,
        LockSubscription,
        ModifyValues,
        SetStatus,
        StepRun,
    )
    from orchestrator.process.step import Step

C = TypeVar("C", bound=CreateForm)


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
