"""The Mailbox: an address that receives mail, up to a quota."""

from typing import Self
from uuid import UUID

from orchestrator.domain.product import Product
from orchestrator.domain.subscription import Status, SubscriptionModel
from products.product_blocks.mailbox import MailboxBlock, MailboxBlockInactive, MailboxBlockProvisioning

MAILBOX = UUID("3b9d2c64-5f0e-4b57-8a41-c6e0d7a2f104")


class MailboxInactive(
    SubscriptionModel,
    lifecycle=[Status.INITIAL, Status.TERMINATED],
    products={
        MAILBOX: Product(name="Mailbox", type="Mailbox", tag="MAILBOX", description="mailbox administration")
    },
):
    """A mailbox that does not exist yet, or no longer."""

    mailbox: MailboxBlockInactive = MailboxBlockInactive()


class MailboxProvisioning(MailboxInactive, lifecycle=[Status.PROVISIONING]):
    """A mailbox that is being provisioned: it has an address and a quota."""

    mailbox: MailboxBlockProvisioning

    def describe(self) -> str:
        """Return the description, ``Mailbox {address}``."""
        return f"Mailbox {self.mailbox.address}"

    def provisioned(self, mailbox_id: int) -> Self:
        """Return this mailbox with the id that the mail system assigned."""
        return self.with_values(mailbox_id=mailbox_id)


class Mailbox(MailboxProvisioning, lifecycle=[Status.ACTIVE]):
    """A mailbox that is in use."""

    mailbox: MailboxBlock
