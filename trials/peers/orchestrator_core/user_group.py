"""The product and its create workflow, as orchestrator-core's documents describe them."""

import os

from names import PRODUCT
from orchestrator.core.domain import SUBSCRIPTION_MODEL_REGISTRY
from orchestrator.core.domain.base import ProductBlockModel, SubscriptionModel
from orchestrator.core.forms import FormPage
from orchestrator.core.types import SubscriptionLifecycle
from orchestrator.core.workflow import StepList, begin, step
from orchestrator.core.workflows.steps import store_process_subscription
from orchestrator.core.workflows.utils import create_workflow
from pydantic_forms.types import FormGenerator, State, UUIDstr
from sqlalchemy import create_engine, text

CUSTOMER = "59289a57-70fb-4ff5-9c93-10fe67b12434"

external = create_engine(os.environ["DATABASE_URI"])


class UserGroupBlockInactive(ProductBlockModel, product_block_name="UserGroupBlock"):
    """The block before it is provisioned."""

    group_name: str | None = None
    group_id: int | None = None


class UserGroupBlockProvisioning(UserGroupBlockInactive, lifecycle=[SubscriptionLifecycle.PROVISIONING]):
    """The block while it is provisioned."""

    group_name: str
    group_id: int | None = None


class UserGroupBlock(UserGroupBlockProvisioning, lifecycle=[SubscriptionLifecycle.ACTIVE]):
    """The block once it is active."""

    group_name: str
    group_id: int


class UserGroupInactive(SubscriptionModel, is_base=True):
    """The subscription before it is provisioned."""

    user_group: UserGroupBlockInactive


class UserGroupProvisioning(UserGroupInactive, lifecycle=[SubscriptionLifecycle.PROVISIONING]):
    """The subscription while it is provisioned."""

    user_group: UserGroupBlockProvisioning


class UserGroup(UserGroupProvisioning, lifecycle=[SubscriptionLifecycle.ACTIVE]):
    """The active subscription."""

    user_group: UserGroupBlock


SUBSCRIPTION_MODEL_REGISTRY[PRODUCT] = UserGroup


def initial_input_form(product_name: str) -> FormGenerator:
    """Ask for the name of the group."""

    class CreateUserGroupForm(FormPage):
        group_name: str

    user_input = yield CreateUserGroupForm
    return user_input.model_dump()


@step("Create subscription")
def create_subscription(product: UUIDstr) -> State:
    """Store a new subscription."""
    subscription = UserGroupInactive.from_product_id(product_id=product, customer_id=CUSTOMER)
    return {"subscription": subscription, "subscription_id": subscription.subscription_id}


@step("Initialize subscription")
def initialize(subscription: UserGroupInactive, group_name: str) -> State:
    """Store what was asked for."""
    subscription.user_group.group_name = group_name
    subscription.description = f"User group {group_name}"
    subscription = UserGroupProvisioning.from_other_lifecycle(
        subscription, SubscriptionLifecycle.PROVISIONING
    )
    return {"subscription": subscription}


@step("Provision user group")
def provision(subscription: UserGroupProvisioning) -> State:
    """Call the external system; it commits for itself, so a repeated call must find the first."""
    with external.begin() as connection:
        subscription.user_group.group_id = connection.execute(
            text(
                "INSERT INTO group_management.groups (subscription_id, name) VALUES (:id, :name)"
                " ON CONFLICT (subscription_id) DO UPDATE SET name = excluded.name RETURNING group_id"
            ),
            {"id": subscription.subscription_id, "name": subscription.user_group.group_name},
        ).scalar_one()
    return {"subscription": subscription}


@create_workflow(initial_input_form=initial_input_form)
def create_user_group() -> StepList:
    """Run the six steps; the decorator adds the last two: set the status, and resync."""
    return begin >> create_subscription >> store_process_subscription() >> initialize >> provision
