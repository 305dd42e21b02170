"""The steps of a mailbox that call the mail system."""

from temporalio import activity

from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.ledger import Ledger
from orchestrator.process.messages import ModifyValues, StepRun
from products.product_types.mailbox import Mailbox, MailboxInactive, MailboxProvisioning
from services.mail_system import Box, MailSystem


class MailboxActivities:
    """The steps of a mailbox; each may run again: the mail system knows the subscription."""

    def __init__(self, ledger: Ledger, mail: MailSystem) -> None:
        self._ledger = ledger
        self._mail = mail

    @activity.defn
    async def provision_mailbox(self, run: StepRun) -> SubscriptionModel:
        """Make the mailbox, and store the id that it was given.

        Raises:
            RequestRejected: when the mail system says no.
            ExternalSystemUnavailable: when it does not answer.
        """
        call = await self._ledger.call(run, MailboxProvisioning, SubscriptionModel)
        if isinstance(call, SubscriptionModel):
            return call
        known = await self._mail.provision_mailbox(
            call.subscription.subscription_id, _box(call.subscription), token=call.token
        )
        return await self._ledger.change(
            run, MailboxProvisioning, lambda held: held.provisioned(known.mailbox_id)
        )

    @activity.defn
    async def modify_mailbox(self, step: ModifyValues) -> SubscriptionModel:
        """Change address or quota of the mailbox, and store what was changed.

        Raises:
            RequestRejected: when the mail system says no.
            ExternalSystemUnavailable: when it does not answer.
        """
        run = step.run
        call = await self._ledger.call(run, Mailbox, SubscriptionModel)
        if isinstance(call, SubscriptionModel):
            return call
        wanted = call.subscription.changed(**step.values)
        await self._mail.change_mailbox(wanted.subscription_id, _box(wanted), token=call.token)
        return await self._ledger.change(run, Mailbox, lambda held: held.changed(**step.values))

    @activity.defn
    async def restore_mailbox(self, run: StepRun) -> SubscriptionModel:
        """Make the mailbox again what the subscription was when it was locked.

        Raises:
            RequestRejected: when the mail system says no.
            ExternalSystemUnavailable: when it does not answer.
        """
        call = await self._ledger.call(run, Mailbox, SubscriptionModel)
        if isinstance(call, SubscriptionModel):
            return call
        before = await self._ledger.before_image(run, Mailbox)
        await self._mail.change_mailbox(before.subscription_id, _box(before), token=call.token)
        return await self._ledger.change(run, Mailbox, lambda held: held)

    @activity.defn
    async def deprovision_mailbox(self, run: StepRun) -> SubscriptionModel:
        """Remove the mailbox, whether or not it was made.

        Raises:
            ExternalSystemUnavailable: when the mail system does not answer.
        """
        call = await self._ledger.call(run, MailboxInactive, SubscriptionModel)
        if isinstance(call, SubscriptionModel):
            return call
        await self._mail.deprovision_mailbox(call.subscription.subscription_id, token=call.token)
        return await self._ledger.change(run, MailboxInactive, lambda held: held)


def _box(subscription: MailboxProvisioning) -> Box:
    return Box(address=subscription.mailbox.address, quota_mb=subscription.mailbox.quota_mb)
