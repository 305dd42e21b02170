"""The User Group: a named group of users."""

from typing import Self
from uuid import UUID

from orchestrator.domain.product import Product
from orchestrator.domain.subscription import Status, SubscriptionModel
from orchestrator.domain.text import OutsideId
from products.product_blocks.user_group import (
    UserGroupBlock,
    UserGroupBlockInactive,
    UserGroupBlockProvisioning,
)

USER_GROUP = UUID("a6d4ec1e-6d4e-4c6b-9d0a-3f1f6f0a9b01")


class UserGroupInactive(
    SubscriptionModel,
    lifecycle=[Status.INITIAL, Status.TERMINATED],
    products={
        USER_GROUP: Product(
            name="User Group", type="UserGroup", tag="GROUP", description="user group administration"
        )
    },
):
    """A user group that is not provisioned yet, or is terminated."""

    user_group: UserGroupBlockInactive = UserGroupBlockInactive()


class UserGroupProvisioning(UserGroupInactive, lifecycle=[Status.PROVISIONING]):
    """A user group with a name that is being provisioned in the group management system."""

    user_group: UserGroupBlockProvisioning

    def describe(self) -> str:
        """Return the description, ``User Group {group_name}``."""
        return f"User Group {self.user_group.group_name}"

    def provisioned(self, group_id: OutsideId) -> Self:
        """Return the group with the id from the group management system."""
        return self.with_values(group_id=group_id)


class UserGroup(UserGroupProvisioning, lifecycle=[Status.ACTIVE]):
    """An active user group."""

    user_group: UserGroupBlock
