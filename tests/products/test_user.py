from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from orchestrator.domain.errors import LifecycleError
from orchestrator.domain.subscription import Status, SubscriptionModel
from products.product_types.user import USER_EXTERNAL, USER_INTERNAL, User, UserInactive, UserProvisioning
from products.product_types.user_group import USER_GROUP

CUSTOMER = UUID("11111111-1111-1111-1111-111111111111")
GROUP = {"group_name": "Operators", "group_id": 7, "owner_subscription_id": uuid4()}


def virgin(product: UUID = USER_INTERNAL) -> UserInactive:
    return UserInactive.from_product_id(product, CUSTOMER, group=GROUP)


def active() -> User:
    provisioning = virgin().initialized(username="alice", age=42)
    assert isinstance(provisioning, UserProvisioning)
    return User.from_other_lifecycle(provisioning.provisioned(3), Status.ACTIVE)


def test_an_initial_user_has_a_group_and_no_other_values() -> None:
    user = virgin().user
    assert (user.group.group_name, user.group.owner_subscription_id) == (
        "Operators",
        GROUP["owner_subscription_id"],
    )
    assert (user.username, user.age, user.user_id) == (None, None, None)


def test_a_user_without_a_group_is_refused() -> None:
    with pytest.raises(LifecycleError, match="UserInactive cannot be initial: group missing"):
        UserInactive.from_product_id(USER_INTERNAL, CUSTOMER)


@pytest.mark.parametrize(
    ("product", "affiliation"), [(USER_INTERNAL, "internal"), (USER_EXTERNAL, "external")]
)
def test_the_affiliation_is_that_of_the_product(product: UUID, affiliation: str) -> None:
    assert virgin(product).user.affiliation == affiliation
    assert virgin(product).product.description == f"user administration - {affiliation}"


def test_the_affiliation_cannot_be_given() -> None:
    user = UserInactive.from_product_id(USER_INTERNAL, CUSTOMER, group=GROUP, affiliation="external")
    assert user.user.affiliation == "internal"


def test_a_product_of_another_type_is_refused() -> None:
    with pytest.raises(LifecycleError, match="is not of type UserInactive"):
        UserInactive.from_product_id(USER_GROUP, CUSTOMER, group=GROUP)


def test_the_description_names_user_group_and_affiliation() -> None:
    assert active().description == "User alice from group Operators (internal)"


@pytest.mark.parametrize(
    ("status", "missing"), [(Status.PROVISIONING, "username"), (Status.ACTIVE, "username, user_id")]
)
def test_a_transition_names_what_is_missing(status: Status, missing: str) -> None:
    stage = SubscriptionModel.stage("User", status)
    with pytest.raises(LifecycleError, match=f"{stage.__name__} cannot be {status}: {missing} missing"):
        stage.from_other_lifecycle(virgin(), status)


def test_a_user_cannot_be_provisioned_without_a_known_group() -> None:
    nowhere = UserInactive.from_product_id(USER_INTERNAL, CUSTOMER, group={"owner_subscription_id": uuid4()})
    with pytest.raises(ValidationError, match="group_name"):
        nowhere.initialized(username="alice")


@pytest.mark.parametrize("age", [0, 150, None, "42"])
def test_an_age_is_optional_and_at_most_150(age: object) -> None:
    assert active().changed(age=age).user.age == (None if age is None else int(str(age)))


@pytest.mark.parametrize("age", [-1, 151, 4.5, True, "", "old", 10**30])
def test_an_invalid_age_is_refused(age: object) -> None:
    with pytest.raises(ValidationError):
        active().changed(age=age)


def test_a_user_stores_the_owner_of_the_group_and_no_fixed_input() -> None:
    assert active().user.own_values() == {
        "username": "alice",
        "age": 42,
        "user_id": 3,
        "group": str(GROUP["owner_subscription_id"]),
    }


def test_renaming_the_group_does_not_change_its_user() -> None:
    renamed = active().with_values(group=GROUP | {"group_name": "Renamed"})
    assert not renamed.differs_from(active())
    assert active().with_values(group=GROUP | {"owner_subscription_id": uuid4()}).differs_from(active())
