"""The user group block (UGB): the resource types of a group of users."""

from orchestrator.domain.product_block import ProductBlock
from orchestrator.domain.text import Name


class UserGroupBlockInactive(ProductBlock):
    """A user group that is initial or terminated: nothing is mandatory."""

    group_name: Name | None = None
    group_id: int | None = None
    """The number that the group management system gave it."""


class UserGroupBlockProvisioning(UserGroupBlockInactive):
    """A user group that is being provisioned."""

    group_name: Name


class UserGroupBlock(UserGroupBlockProvisioning):
    """A user group that exists in the group management system."""

    group_id: int
