"""Create a mailbox: from the form to an active subscription and a mailbox in the mail system."""

from typing import ClassVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import Field

    from activities.mailbox import MailboxActivities
    from orchestrator.domain.process import Target
    from orchestrator.domain.subscription import Status
    from orchestrator.domain.text import Name
    from orchestrator.process.forms import CreateForm
    from orchestrator.process.frame import ProcessFrame
    from products.product_blocks.mailbox import Quota
    from products.product_types.mailbox import Mailbox
    from workflows.steps import (
        call_external_system,
        create_subscription,
        initialize_subscription,
        resync,
        set_status,
        store_process_subscription,
    )


class CreateMailboxForm(CreateForm):
    """An address that receives mail, up to a quota."""

    examples: ClassVar = ("--address ops@example.org --quota-mb 500",)

    address: Name = Field(title="Address", description="address of the mailbox, 1 to 255 characters")
    quota_mb: Quota = Field(title="Quota", description="quota in megabytes, 1 to 1000000")

    @property
    def title(self) -> str:
        return f'Create mailbox "{self.address}"'


@workflow.defn(name="create_mailbox")
class CreateMailbox(ProcessFrame):
    """Create a mailbox and its subscription."""

    target = Target.CREATE
    sequence = (
        create_subscription(Mailbox),
        store_process_subscription(),
        initialize_subscription(),
        call_external_system("Provision mailbox", MailboxActivities.provision_mailbox),
        set_status(Status.ACTIVE),
        resync(),
    )
    roll_back = (
        call_external_system("Deprovision mailbox", MailboxActivities.deprovision_mailbox),
        set_status(Status.TERMINATED),
        resync(),
    )

    @workflow.run
    async def run(self, form: CreateMailboxForm) -> Mailbox:
        """Run the steps."""
        return await self.follow(form, Mailbox)
