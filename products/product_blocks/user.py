"""The user block (UB): the resource types of somebody's account in a group."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from orchestrator.domain.product_block import ProductBlock, Reference
from orchestrator.domain.text import Name, WholeNumber
from products.product_blocks.user_group import UserGroupBlock, UserGroupBlockInactive

Age = Annotated[WholeNumber, Field(ge=0, le=150)]
"""Years, 0 to 150."""


class Affiliation(StrEnum):
    """Whether a user belongs to the organisation."""

    INTERNAL = "internal"
    EXTERNAL = "external"


class GroupOfUserInactive(Reference, UserGroupBlockInactive):
    """The block of the group that a user is, or was, in; the group's own subscription owns it."""

    product_type: ClassVar = "UserGroup"


class GroupOfUser(UserGroupBlock, GroupOfUserInactive):
    """The block of a group that is in use."""


class UserBlockInactive(ProductBlock):
    """A user who is initial or terminated: only the group is mandatory."""

    fixed: ClassVar = frozenset({"affiliation"})

    username: Name | None = None
    age: Age | None = None
    user_id: int | None = None
    """The number that the user management system gave."""
    affiliation: Affiliation
    group: GroupOfUserInactive


class UserBlockProvisioning(UserBlockInactive):
    """A user who is being provisioned."""

    username: Name
    group: GroupOfUser


class UserBlock(UserBlockProvisioning):
    """A user whom the user management system knows."""

    user_id: int
