"""The products and workflows of a database of orchestrator-core, as the beginner workshop has them."""

from orchestrator.core.domain import SUBSCRIPTION_MODEL_REGISTRY
from orchestrator.core.domain.base import ProductBlockModel, SubscriptionModel
from orchestrator.core.forms import FormPage
from orchestrator.core.types import SubscriptionLifecycle
from orchestrator.core.workflow import StepList, begin, inputstep, step
from orchestrator.core.workflows.steps import set_status, store_process_subscription
from orchestrator.core.workflows.utils import (
    create_workflow,
    modify_workflow,
    reconcile_workflow,
    terminate_workflow,
    validate_workflow,
)
from pydantic_forms.types import FormGenerator, State, UUIDstr

CUSTOMER = "59289a57-70fb-4ff5-9c93-10fe67b12434"


class UserGroupBlockInactive(ProductBlockModel, product_block_name="UserGroupBlock"):
    group_name: str | None = None
    group_id: int | None = None


class UserGroupBlockProvisioning(UserGroupBlockInactive, lifecycle=[SubscriptionLifecycle.PROVISIONING]):
    group_name: str
    group_id: int | None = None


class UserGroupBlock(UserGroupBlockProvisioning, lifecycle=[SubscriptionLifecycle.ACTIVE]):
    group_name: str
    group_id: int


class UserGroupInactive(SubscriptionModel, is_base=True):
    user_group: UserGroupBlockInactive


class UserGroupProvisioning(UserGroupInactive, lifecycle=[SubscriptionLifecycle.PROVISIONING]):
    user_group: UserGroupBlockProvisioning


class UserGroup(UserGroupProvisioning, lifecycle=[SubscriptionLifecycle.ACTIVE]):
    user_group: UserGroupBlock


class UserBlockInactive(ProductBlockModel, product_block_name="UserBlock"):
    group: UserGroupBlockInactive
    username: str | None = None
    age: int | None = None
    user_id: int | None = None


class UserBlockProvisioning(UserBlockInactive, lifecycle=[SubscriptionLifecycle.PROVISIONING]):
    group: UserGroupBlockProvisioning
    username: str
    age: int | None = None
    user_id: int | None = None


class UserBlock(UserBlockProvisioning, lifecycle=[SubscriptionLifecycle.ACTIVE]):
    group: UserGroupBlock
    username: str
    age: int | None = None
    user_id: int


class UserInactive(SubscriptionModel, is_base=True):
    affiliation: str
    user: UserBlockInactive


class UserProvisioning(UserInactive, lifecycle=[SubscriptionLifecycle.PROVISIONING]):
    affiliation: str
    user: UserBlockProvisioning


class User(UserProvisioning, lifecycle=[SubscriptionLifecycle.ACTIVE]):
    affiliation: str
    user: UserBlock


SUBSCRIPTION_MODEL_REGISTRY.update(
    {"User Group": UserGroup, "Mail list": UserGroup, "User internal": User, "User external": User}
)


def group_form(product_name: str) -> FormGenerator:
    class GroupForm(FormPage):
        group_name: str
        fails_at: str = ""

    user_input = yield GroupForm
    return user_input.model_dump()


def user_form(product_name: str) -> FormGenerator:
    class UserForm(FormPage):
        username: str
        age: int | None = None
        group: str

    user_input = yield UserForm
    return user_input.model_dump()


def rename_form(subscription_id: UUIDstr) -> FormGenerator:
    class RenameForm(FormPage):
        group_name: str

    user_input = yield RenameForm
    return user_input.model_dump()


def fail_at(step_name: str, fails_at: str) -> None:
    if fails_at == step_name:
        raise ValueError(f"The group management system says no at {step_name}")


@step("Create subscription")
def create_group_subscription(product: UUIDstr) -> State:
    subscription = UserGroupInactive.from_product_id(product_id=product, customer_id=CUSTOMER)
    return {"subscription": subscription, "subscription_id": subscription.subscription_id}


@step("Initialize subscription")
def initialize_group(subscription: UserGroupInactive, group_name: str, fails_at: str) -> State:
    fail_at("initialize", fails_at)
    subscription.user_group.group_name = group_name
    subscription.description = f"User group {group_name}"
    return {
        "subscription": UserGroupProvisioning.from_other_lifecycle(
            subscription, SubscriptionLifecycle.PROVISIONING
        )
    }


@step("Provision user group")
def provision_group(subscription: UserGroupProvisioning, fails_at: str) -> State:
    fail_at("provision", fails_at)
    subscription.user_group.group_id = len(subscription.user_group.group_name) + 4000
    return {"subscription": subscription}


@create_workflow(initial_input_form=group_form)
def create_user_group() -> StepList:
    return (
        begin
        >> create_group_subscription
        >> store_process_subscription()
        >> initialize_group
        >> provision_group
    )


@step("Create subscription")
def create_user_subscription(product: UUIDstr, group: UUIDstr) -> State:
    subscription = UserInactive.from_product_id(product_id=product, customer_id=CUSTOMER)
    subscription.user.group = UserGroup.from_subscription(group).user_group
    return {"subscription": subscription, "subscription_id": subscription.subscription_id}


@step("Initialize subscription")
def initialize_user(subscription: UserInactive, username: str, age: int | None) -> State:
    subscription.user.username = username
    subscription.user.age = age
    subscription.description = f"User {username} of {subscription.user.group.group_name}"
    return {
        "subscription": UserProvisioning.from_other_lifecycle(
            subscription, SubscriptionLifecycle.PROVISIONING
        )
    }


@step("Provision user")
def provision_user(subscription: UserProvisioning) -> State:
    subscription.user.user_id = len(subscription.user.username) + 7000
    return {"subscription": subscription}


@create_workflow(initial_input_form=user_form)
def create_user() -> StepList:
    return (
        begin >> create_user_subscription >> store_process_subscription() >> initialize_user >> provision_user
    )


@step("Modify user group")
def rename_group(subscription: UserGroup, group_name: str) -> State:
    subscription.user_group.group_name = group_name
    subscription.description = f"User group {group_name}"
    return {"subscription": subscription}


@modify_workflow(initial_input_form=rename_form)
def modify_user_group() -> StepList:
    return begin >> rename_group


@inputstep("Ask a manager", assignee="NOC")
def ask(subscription: UserGroup) -> FormGenerator:
    class AskForm(FormPage):
        agreed: bool = True

    user_input = yield AskForm
    return user_input.model_dump()


@modify_workflow()
def ask_about_user_group() -> StepList:
    return begin >> ask


@step("Deprovision user group")
def deprovision(subscription: SubscriptionModel) -> State:
    return {"subscription": subscription}


@terminate_workflow()
def terminate_user_group() -> StepList:
    return begin >> deprovision


@terminate_workflow()
def terminate_user() -> StepList:
    return begin >> deprovision


@step("Check user group")
def check(subscription: UserGroup) -> State:
    if subscription.user_group.group_name == "Differs":
        raise ValueError("group_name differs from the group management system")
    return {"checked": True}


@validate_workflow()
def validate_user_group() -> StepList:
    return begin >> check


@reconcile_workflow()
def reconcile_user_group() -> StepList:
    return begin >> check


@modify_workflow()
def disable_user_group() -> StepList:
    return begin >> set_status(SubscriptionLifecycle.DISABLED)
