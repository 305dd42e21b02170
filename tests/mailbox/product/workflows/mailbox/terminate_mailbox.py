"""Terminate a mailbox: remove it from the mail system, and terminate its subscription."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.mailbox import MailboxActivities
    from orchestrator.domain.process import Target
    from orchestrator.domain.subscription import Status
    from orchestrator.process.forms import TerminateForm
    from orchestrator.process.frame import ProcessFrame
    from products.product_types.mailbox import MailboxInactive
    from workflows.steps import (
        call_external_system,
        resync,
        set_status,
        store_process_subscription,
        unsync,
    )

DEPROVISION = call_external_system("Deprovision mailbox", MailboxActivities.deprovision_mailbox)


class TerminateMailboxForm(TerminateForm):
    """The mailbox to terminate."""


@workflow.defn(name="terminate_mailbox")
class TerminateMailbox(ProcessFrame):
    """Terminate a mailbox."""

    target = Target.TERMINATE
    sequence = (
        store_process_subscription(),
        unsync(MailboxInactive),
        DEPROVISION,
        set_status(Status.TERMINATED),
        resync(),
    )
    pivot = DEPROVISION
    roll_back = (resync(),)

    @workflow.run
    async def run(self, form: TerminateMailboxForm) -> MailboxInactive:
        """Run the steps."""
        return await self.follow(form, MailboxInactive)
