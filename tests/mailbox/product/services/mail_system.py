"""The mail system: what this project needs of it."""

from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Box(BaseModel):
    """What the mail system is told of a mailbox."""

    model_config = ConfigDict(frozen=True)

    address: str
    quota_mb: int


class KnownBox(Box):
    """A mailbox as the mail system knows it."""

    mailbox_id: int


class MailSystem(Protocol):
    """Administers mailboxes, each known by the id of the subscription that it is for.

    Idempotence, fencing tokens and errors are those of `services.group_management.GroupManagement`.
    """

    async def provision_mailbox(self, subscription_id: UUID, box: Box, *, token: int) -> KnownBox:
        """Make the mailbox, or return the one that is there; never twice, never after its removal."""
        ...

    async def change_mailbox(self, subscription_id: UUID, box: Box, *, token: int) -> KnownBox:
        """Give the mailbox this address and quota; one that has them already keeps them."""
        ...

    async def deprovision_mailbox(self, subscription_id: UUID, *, token: int) -> None:
        """Remove the mailbox for ever; one that never was counts as removed."""
        ...

    async def fence(self, subscription_id: UUID, *, token: int) -> None:
        """Refuse every later call that carries a lower token."""
        ...

    async def find_mailbox(self, subscription_id: UUID) -> KnownBox | None:
        """Return the mailbox, or `None` where there is none."""
        ...
