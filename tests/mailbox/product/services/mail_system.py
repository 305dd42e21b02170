"""The mail system: the calls that this project makes to it."""

from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Box(BaseModel):
    """The values of a mailbox that the mail system needs."""

    model_config = ConfigDict(frozen=True)

    address: str
    quota_mb: int


class KnownBox(Box):
    """A mailbox as the mail system knows it."""

    mailbox_id: int


class MailSystem(Protocol):
    """Administers mailboxes, each identified by the id of its subscription.

    Idempotency, fencing tokens and errors are those of `services.group_management.GroupManagement`.
    """

    async def provision_mailbox(self, subscription_id: UUID, box: Box, *, token: int) -> KnownBox:
        """Create the mailbox. Idempotent: returns the existing one. It is not created again after removal."""
        ...

    async def change_mailbox(self, subscription_id: UUID, box: Box, *, token: int) -> KnownBox:
        """Change the address and quota of the mailbox. Idempotent."""
        ...

    async def deprovision_mailbox(self, subscription_id: UUID, *, token: int) -> None:
        """Remove the mailbox for ever. Idempotent; removing a mailbox that never existed succeeds."""
        ...

    async def fence(self, subscription_id: UUID, *, token: int) -> None:
        """Refuse every later call that carries a lower token."""
        ...

    async def find_mailbox(self, subscription_id: UUID) -> KnownBox | None:
        """Return the mailbox, or `None` if there is none."""
        ...
