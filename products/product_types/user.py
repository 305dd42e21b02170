"""The User: a member of a user group, internal or external."""

from typing import Self
from uuid import UUID

from orchestrator.domain.product import Product
from orchestrator.domain.subscription import Status, SubscriptionModel
from orchestrator.domain.text import OutsideId
from products.product_blocks.user import Affiliation, UserBlock, UserBlockInactive, UserBlockProvisioning

USER_INTERNAL = UUID("7c0a5f0e-2a39-4d4b-9b52-5d3b7f5f1c02")
USER_EXTERNAL = UUID("e1f6a6d2-8f0c-4e1e-8a8e-0d0f3b1d7a03")


class UserInactive(
    SubscriptionModel,
    lifecycle=[Status.INITIAL, Status.TERMINATED],
    products={
        USER_INTERNAL: Product(
            name="User internal",
            type="User",
            tag="USER_INT",
            description="user administration - internal",
        ),
        USER_EXTERNAL: Product(
            name="User external",
            type="User",
            tag="USER_EXT",
            description="user administration - external",
        ),
    },
    fixed_inputs={
        USER_INTERNAL: {"affiliation": Affiliation.INTERNAL},
        USER_EXTERNAL: {"affiliation": Affiliation.EXTERNAL},
    },
):
    """A user who is not provisioned yet, or is terminated; the group is known from the start."""

    user: UserBlockInactive


class UserProvisioning(UserInactive, lifecycle=[Status.PROVISIONING]):
    """A user with a name who is being provisioned in the user management system."""

    user: UserBlockProvisioning

    def describe(self) -> str:
        """Return the description, ``User {username} from group {group_name} ({affiliation})``."""
        return f"User {self.user.username} from group {self.user.group.group_name} ({self.user.affiliation})"

    def provisioned(self, user_id: OutsideId) -> Self:
        """Return the user with the id from the user management system."""
        return self.with_values(user_id=user_id)


class User(UserProvisioning, lifecycle=[Status.ACTIVE]):
    """An active user."""

    user: UserBlock
