"""The user block (UB): the resource types of a user."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from orchestrator.domain.product_block import ProductBlock, Reference
from orchestrator.domain.text import Name, OutsideId, WholeNumber
from products.product_blocks.user_group import UserGroupBlock, UserGroupBlockInactive

Age = Annotated[WholeNumber, Field(ge=0, le=150)]
"""Age in years, 0 to 150."""


class Affiliation(StrEnum):
    """Whether a user belongs to the organisation (internal) or not (external)."""

    INTERNAL = "internal"
    EXTERNAL = "external"


class GroupOfUserInactive(Reference, UserGroupBlockInactive):
    """The block of the user's group, in any lifecycle state; the group's own subscription owns it."""

    product_type: ClassVar = "UserGroup"


class GroupOfUser(UserGroupBlock, GroupOfUserInactive):
    """The block of the user's group from `provisioning` on: the group has a name and an id."""


class UserBlockInactive(ProductBlock):
    """The block of a user in `initial` or `terminated`: only the group is mandatory."""

    fixed: ClassVar = frozenset({"affiliation"})

    username: Name | None = None
    age: Age | None = None
    user_id: OutsideId | None = None
    """Id in the user management system."""
    affiliation: Affiliation
    group: GroupOfUserInactive


class UserBlockProvisioning(UserBlockInactive):
    """The block of a user in `provisioning`: the username is mandatory too."""

    username: Name
    group: GroupOfUser


class UserBlock(UserBlockProvisioning):
    """The block of an active user, who has an id in the user management system."""

    user_id: OutsideId
