"""Modify a mailbox: change its address or quota, here and in the mail system."""

from typing import ClassVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import Field

    from activities.mailbox import MailboxActivities
    from orchestrator.domain.process import Target
    from orchestrator.domain.text import Name, WholeNumber
    from orchestrator.process.forms import ModifyForm
    from orchestrator.process.frame import ProcessFrame
    from products.product_blocks.mailbox import Quota
    from products.product_types.mailbox import Mailbox
    from workflows.steps import (
        call_external_system,
        change_external_system,
        restore_subscription,
        resync,
        store_process_subscription,
        unsync,
    )


class ModifyMailboxForm(ModifyForm):
    """The new values of a mailbox; a value that is left out stays."""

    examples: ClassVar = ("64f731c2-30f5-5d90-b7b0-8f61a6fa6cce --quota-mb 1000 --version 1",)
    unchangeable: ClassVar = frozenset({"mailbox_id"})

    address: Name | None = Field(None, title="Address", description="new address, 1 to 255 characters")
    quota_mb: Quota | None = Field(None, title="Quota", description="new quota in megabytes, 1 to 1000000")
    mailbox_id: WholeNumber | None = Field(
        None, title="Mailbox id", description="cannot be changed; refused if it differs"
    )

    @property
    def title(self) -> str:
        return f"Modify mailbox: {', '.join(f'{name} {value}' for name, value in self.values().items())}"


@workflow.defn(name="modify_mailbox")
class ModifyMailbox(ProcessFrame):
    """Change the address or quota of a mailbox."""

    target = Target.MODIFY
    sequence = (
        store_process_subscription(),
        unsync(Mailbox),
        change_external_system("Modify mailbox", MailboxActivities.modify_mailbox),
        resync(),
    )
    roll_back = (
        call_external_system("Restore mailbox", MailboxActivities.restore_mailbox),
        restore_subscription(),
        resync(),
    )

    @workflow.run
    async def run(self, form: ModifyMailboxForm) -> Mailbox:
        """Run the steps."""
        return await self.follow(form, Mailbox)
