from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from orchestrator.domain.errors import LifecycleError
from orchestrator.domain.subscription import Status, SubscriptionModel
from products.product_blocks.user_group import UserGroupBlock
from products.product_types.user_group import (
    USER_GROUP,
    UserGroup,
    UserGroupInactive,
    UserGroupProvisioning,
)

CUSTOMER = UUID("11111111-1111-1111-1111-111111111111")


def virgin(held_by: str | None = None) -> UserGroupInactive:
    return UserGroupInactive.from_product_id(USER_GROUP, CUSTOMER, held_by=held_by)


def provisioning() -> UserGroupProvisioning:
    filled = virgin().with_values(group_name="Network operators")
    return UserGroupProvisioning.from_other_lifecycle(filled, Status.PROVISIONING)


def test_a_new_subscription_is_initial_in_sync_and_empty() -> None:
    subscription = virgin()
    assert subscription.status is Status.INITIAL
    assert subscription.insync
    assert subscription.description == "Initial subscription of user group administration"
    assert subscription.version == 1
    assert subscription.user_group.group_name is None
    assert subscription.start_date is None


def test_a_new_subscription_is_held_by_its_process() -> None:
    subscription = virgin(held_by="create_user_group-1")
    assert subscription.held_by == "create_user_group-1"
    assert not subscription.insync


def test_a_subscription_on_a_product_of_another_type_is_refused() -> None:
    with pytest.raises(LifecycleError, match="is not of type UserGroupInactive"):
        UserGroupInactive.from_product_id(uuid4(), CUSTOMER)


def test_a_transition_names_the_missing_resource_type() -> None:
    with pytest.raises(
        LifecycleError, match="UserGroupProvisioning cannot be provisioning: group_name missing"
    ):
        UserGroupProvisioning.from_other_lifecycle(virgin(), Status.PROVISIONING)


def test_a_transition_names_every_missing_resource_type() -> None:
    with pytest.raises(LifecycleError, match="UserGroup cannot be active: group_name, group_id missing"):
        UserGroup.from_other_lifecycle(virgin(), Status.ACTIVE)


def test_a_transition_keeps_the_values() -> None:
    active = UserGroup.from_other_lifecycle(provisioning().provisioned(7), Status.ACTIVE)
    assert (active.user_group.group_name, active.user_group.group_id) == ("Network operators", 7)
    assert active.status is Status.ACTIVE


@pytest.mark.parametrize("status", [Status.INITIAL, Status.PROVISIONING, Status.ACTIVE])
def test_a_terminated_subscription_stays_terminated(status: Status) -> None:
    terminated = provisioning().provisioned(7).with_status(Status.TERMINATED)
    with pytest.raises(LifecycleError, match=f"A subscription that is terminated cannot become {status}"):
        terminated.with_status(status)


def test_a_class_refuses_a_status_of_another_class() -> None:
    with pytest.raises(ValidationError, match="UserGroupProvisioning cannot be active"):
        UserGroupProvisioning.model_validate(provisioning().model_dump() | {"status": "active"})


def test_an_active_group_without_an_id_cannot_be_constructed() -> None:
    with pytest.raises(ValidationError, match="group_id"):
        UserGroup.model_validate(provisioning().model_dump() | {"status": "active"})


def test_in_sync_while_held_cannot_be_constructed() -> None:
    with pytest.raises(ValidationError, match="insync must be true if no process holds it"):
        UserGroupInactive.model_validate(virgin().model_dump() | {"held_by": "somebody"})


def test_a_subscription_cannot_be_changed_in_place() -> None:
    subscription = virgin()
    with pytest.raises(ValidationError, match="frozen"):
        subscription.note = "changed"  # type: ignore[misc]


def test_an_unknown_resource_type_is_refused() -> None:
    with pytest.raises(ValidationError, match="nickname"):
        virgin().with_values(nickname="ops")


def test_a_subscription_is_read_as_the_class_of_its_status() -> None:
    written = provisioning().provisioned(7).with_status(Status.ACTIVE).model_dump_json()
    assert isinstance(SubscriptionModel.model_validate_json(written), UserGroup)


def test_the_description_contains_product_and_name() -> None:
    initialized = virgin().initialized(group_name="Network operators")
    assert initialized.description == "User Group Network operators"
    assert initialized.status is Status.PROVISIONING


@pytest.mark.parametrize(
    ("name", "stored"), [("  ops ", "ops"), ("x" * 255, "x" * 255), ("ops\n", "ops"), ("été 🎉", "été 🎉")]
)
def test_a_name_is_trimmed(name: str, stored: str) -> None:
    group = virgin().initialized(group_name=name)
    assert isinstance(group, UserGroupProvisioning)
    assert group.user_group.group_name == stored


@pytest.mark.parametrize("name", ["", "   ", "x" * 256, "a\x00b", "a\nb", "a\x7fb", "a\u2028b", "a\ud800b"])
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        virgin().initialized(group_name=name)


@pytest.mark.parametrize(
    ("given", "kept"),
    [(7, 7), ("7", 7), ("0", 0), ("007", "007"), ("-1", "-1"), ("7 7", "7 7"), ("a7", "a7"), ("٧", "٧")],
)
def test_a_group_id_is_a_number_only_if_spelled_as_one(given: int | str, kept: int | str) -> None:
    """`007` and `7` are different ids of a SCIM server."""
    block = UserGroupBlock.model_validate({"group_name": "Ops", "group_id": given})
    assert block.group_id == kept
    assert UserGroupBlock.model_validate_json(block.model_dump_json()) == block


@pytest.mark.parametrize("given", [True, "", "a\nb", 1.5, "x" * 256])
def test_a_group_id_is_a_number_or_a_name(given: object) -> None:
    with pytest.raises(ValidationError, match="group_id"):
        UserGroupBlock.model_validate({"group_name": "Ops", "group_id": given})
