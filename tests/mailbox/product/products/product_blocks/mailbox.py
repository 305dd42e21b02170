"""The mailbox block: the resource types of a mailbox."""

from typing import Annotated

from pydantic import Field

from orchestrator.domain.product_block import ProductBlock
from orchestrator.domain.text import Name, WholeNumber

Quota = Annotated[WholeNumber, Field(ge=1, le=1_000_000)]
"""Megabytes, 1 to 1000000."""


class MailboxBlockInactive(ProductBlock):
    """A mailbox that is initial or terminated: no value is mandatory."""

    address: Name | None = None
    quota_mb: Quota | None = None
    mailbox_id: int | None = None
    """Number that the mail system assigned; `None` until then."""


class MailboxBlockProvisioning(MailboxBlockInactive):
    """A mailbox that is being provisioned."""

    address: Name
    quota_mb: Quota


class MailboxBlock(MailboxBlockProvisioning):
    """A mailbox that exists in the mail system."""

    mailbox_id: int
