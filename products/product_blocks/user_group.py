"""The user group block (UGB): the resource types of a group of users."""

from orchestrator.domain.product_block import ProductBlock
from orchestrator.domain.text import Name, OutsideId


class UserGroupBlockInactive(ProductBlock):
    """The block of a user group in `initial` or `terminated`: nothing is mandatory."""

    group_name: Name | None = None
    group_id: OutsideId | None = None
    """Id in the group management system."""


class UserGroupBlockProvisioning(UserGroupBlockInactive):
    """The block of a user group in `provisioning`: the name is mandatory."""

    group_name: Name


class UserGroupBlock(UserGroupBlockProvisioning):
    """The block of an active user group, which has an id in the group management system."""

    group_id: OutsideId
