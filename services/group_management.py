"""The group management system, as far as this project needs it."""

from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from orchestrator.domain.text import OutsideId


class Group(BaseModel):
    """A group in the group management system."""

    model_config = ConfigDict(frozen=True)

    group_id: OutsideId
    group_name: str


class GroupManagement(Protocol):
    """Administers groups, identified by their subscription ids.

    Every call is idempotent by subscription id. `token` is a fencing token: the system remembers the highest
    token that it has seen for a subscription and refuses a lower one. So a caller that no longer holds the
    subscription cannot change anything.

    Raises (every call that changes something):
        RequestRejected: if the system rejects the request for good.
        StaleToken: if the system has seen a higher token.
        ExternalSystemUnavailable: if the system cannot be reached or does not answer; it may or may not have
            done the work.
    """

    async def provision_group(self, subscription_id: UUID, group_name: str, *, token: int) -> Group:
        """Create the group, or return the existing one; never create it again after its removal."""
        ...

    async def rename_group(self, subscription_id: UUID, group_name: str, *, token: int) -> Group:
        """Set the name of the group."""
        ...

    async def deprovision_group(self, subscription_id: UUID, *, token: int) -> None:
        """Remove the group for good; removing a group that never existed succeeds."""
        ...

    async def fence(self, subscription_id: UUID, *, token: int) -> None:
        """Refuse every later call that carries a lower token; whether there is a group does not matter.

        Called before an operator unlocks a subscription whose process is lost: a worker that was frozen in
        the middle of a call may still come back. A system that cannot compare tokens does nothing here. Then
        such a call can change it after all; a validation of the subscription finds that.
        """
        ...

    async def find_group(self, subscription_id: UUID) -> Group | None:
        """Return the group, or `None` if there is none."""
        ...
