"""The user management system, as far as this project needs it."""

from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from orchestrator.domain.text import OutsideId


class Account(BaseModel):
    """The values of a user that this project sends to the user management system."""

    model_config = ConfigDict(frozen=True)

    username: str
    age: int | None
    """Age in years; `None`: unknown."""
    affiliation: str
    group_id: OutsideId | None
    """The group's id in the group management system; `None`: the user is in no group."""


class KnownUser(Account):
    """A user in the user management system."""

    user_id: OutsideId


class UserManagement(Protocol):
    """Administers users, identified by their subscription ids.

    Idempotence, fencing tokens and errors are those of `services.group_management.GroupManagement`.
    """

    async def provision_user(self, subscription_id: UUID, account: Account, *, token: int) -> KnownUser:
        """Create the user, or return the existing one; never create it again after its removal."""
        ...

    async def change_user(self, subscription_id: UUID, account: Account, *, token: int) -> KnownUser:
        """Set the values of the user."""
        ...

    async def deprovision_user(self, subscription_id: UUID, *, token: int) -> None:
        """Remove the user for good; removing a user that never existed succeeds."""
        ...

    async def fence(self, subscription_id: UUID, *, token: int) -> None:
        """Refuse every later call that carries a lower token; see `GroupManagement.fence`."""
        ...

    async def find_user(self, subscription_id: UUID) -> KnownUser | None:
        """Return the user, or `None` if there is none."""
        ...
