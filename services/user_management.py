"""The user management system: what this project needs of it."""

from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Account(BaseModel):
    """What the user management system is told of a user."""

    model_config = ConfigDict(frozen=True)

    username: str
    age: int | None
    """Years; `None` where nobody said."""
    affiliation: str
    group_id: int
    """Of the group in the group management system."""


class KnownUser(Account):
    """A user as the user management system knows them."""

    user_id: int


class UserManagement(Protocol):
    """Administers users, each known by the id of the subscription that they have.

    Idempotence, fencing tokens and errors are those of `services.group_management.GroupManagement`.
    """

    async def provision_user(self, subscription_id: UUID, account: Account, *, token: int) -> KnownUser:
        """Make the user, or return the one that is there; never twice, never after the removal."""
        ...

    async def change_user(self, subscription_id: UUID, account: Account, *, token: int) -> KnownUser:
        """Make the user what the account says; one that is so already stays."""
        ...

    async def deprovision_user(self, subscription_id: UUID, *, token: int) -> None:
        """Remove the user for ever; one that never was counts as removed."""
        ...

    async def fence(self, subscription_id: UUID, *, token: int) -> None:
        """Refuse every later call that carries a lower token; see `GroupManagement.fence`."""
        ...

    async def find_user(self, subscription_id: UUID) -> KnownUser | None:
        """Return the user, or `None` where there is none."""
        ...
