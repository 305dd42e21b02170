"""The vocabulary of steps: what a workflow file names in its sequence and in its roll-back."""

from collections.abc import Callable
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.types import MethodAsyncSingleParam

with workflow.unsafe.imports_passed_through():
    from activities.subscriptions import SubscriptionActivities
    from orchestrator.domain.subscription import Status, SubscriptionModel
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
    from orchestrator.process.step import Step, bare

C = TypeVar("C", bound=CreateForm)


def create_subscription(
    kind: type[SubscriptionModel],
    form: type[C] | None = None,
    product: Callable[[C], str] | None = None,
) -> Step:
    """Insert the virgin subscription, held by the process.

    Args:
        kind: any class of the product type.
        form: the form of the workflow, if the product depends on it.
        product: returns the name or UUID of the product; `None` means the only product of the type.
    """

    def inputs(run: StepRun, form: C) -> CreateSubscription:
        return CreateSubscription(
            run=run,
            product=product(form) if product else _only_product(kind),
            product_type=kind.product_type,
            customer_id=form.customer(run.process.process_id),
            values=form.initial_values(),
        )

    return Step.of("Create subscription", SubscriptionActivities.create_subscription, inputs)


def store_process_subscription() -> Step:
    """Relate process and subscription in the trail."""
    return Step.of(
        "Create Process Subscription relation", SubscriptionActivities.store_process_subscription, bare
    )


def initialize_subscription() -> Step:
    """Fill the resource types from the form, and go to `provisioning`."""

    def inputs(run: StepRun, form: CreateForm) -> InitializeSubscription:
        return InitializeSubscription(run=run, values=form.later_values())

    return Step.of("Initialize subscription", SubscriptionActivities.initialize_subscription, inputs)


def set_status(status: Status, *, key: str | None = None) -> Step:
    """Go to another lifecycle state.

    Args:
        key: as `Step.of`: a process that sets two states gives one of the two steps a key.
    """

    def inputs(run: StepRun, form: StartForm) -> SetStatus:
        return SetStatus(run=run, status=status)

    title = f"Set subscription to '{status}'"
    return Step.of(title, SubscriptionActivities.set_status, inputs, key=key)


def resync() -> Step:
    """Unlock the subscription and close the trail row: the last step of every process."""
    return Step.of("Unlock subscription", SubscriptionActivities.resync, bare, unlocks=True)


def unsync(kind: type[SubscriptionModel]) -> Step:
    """Lock the subscription if the gate lets the process start; keep it as it was.

    Args:
        kind: any class of the product type that the workflow is for.
    """

    def inputs(run: StepRun, form: ExistingForm) -> LockSubscription:
        return LockSubscription(
            run=run,
            product_type=kind.product_type,
            version=form.version,
            unchangeable=form.unchanged(),
            values=form.values(),
        )

    return Step.of("Lock subscription", SubscriptionActivities.unsync, inputs)


def restore_subscription() -> Step:
    """Restore the content that the subscription had when the process locked it."""
    return Step.of("Restore subscription", SubscriptionActivities.restore_subscription, bare)


def conclude_validation(check: Step) -> Step:
    """Unlock the subscription, in sync or with the discrepancies that this step has found."""

    def inputs(run: StepRun, form: StartForm) -> Conclude:
        return Conclude(run=run, check=check.key)

    return Step.of("Unlock subscription", SubscriptionActivities.conclude_validation, inputs, unlocks=True)


def call_external_system(title: str, activity: MethodAsyncSingleParam[Any, StepRun, Any]) -> Step:
    """Call an external system with an activity that needs nothing from the form."""
    return Step.of(title, activity, bare, external=True)


def change_external_system(title: str, activity: MethodAsyncSingleParam[Any, ModifyValues, Any]) -> Step:
    """Call an external system with the values from the form."""

    def inputs(run: StepRun, form: StartForm) -> ModifyValues:
        return ModifyValues(run=run, values=form.values())

    return Step.of(title, activity, inputs, external=True)


def _only_product(kind: type[SubscriptionModel]) -> str:
    (product_id,) = kind.products
    return str(product_id)
