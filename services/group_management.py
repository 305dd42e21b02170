"""The group management system: what this project needs of it."""

from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Group(BaseModel):
    """A group as the group management system knows it."""

    model_config = ConfigDict(frozen=True)

    group_id: int
    group_name: str


class GroupManagement(Protocol):
    """Administers groups, each known by the id of the subscription that it is for.

    Every call may be made again: it is idempotent by subscription id. `token` is a fencing token: the
    system remembers the highest that it has seen for a subscription and refuses a lower one, so that a
    caller who lost its hold on the subscription can do nothing.

    Raises (all that change something):
        RequestRejected: when the system says no, for good.
        StaleToken: when a higher token was seen.
        ExternalSystemUnavailable: when it cannot be reached, or its answer did not come; whether it has
            done the work is then unknown.
    """

    async def provision_group(self, subscription_id: UUID, group_name: str, *, token: int) -> Group:
        """Make the group, or return the one that is there; never twice, never after its removal."""
        ...

    async def rename_group(self, subscription_id: UUID, group_name: str, *, token: int) -> Group:
        """Give the group another name; one that has it already keeps it."""
        ...

    async def deprovision_group(self, subscription_id: UUID, *, token: int) -> None:
        """Remove the group for ever; one that never was counts as removed."""
        ...

    async def fence(self, subscription_id: UUID, *, token: int) -> None:
        """Refuse every later call that carries a lower token; whether there is a group does not matter.

        Called before an operator unlocks a subscription whose process is lost: a worker that was frozen in
        the middle of a call may still come back. A system that cannot compare tokens does nothing here. Then
        such a call can change it after all; a validation of the subscription finds that.
        """
        ...

    async def find_group(self, subscription_id: UUID) -> Group | None:
        """Return the group, or `None` where there is none."""
        ...
