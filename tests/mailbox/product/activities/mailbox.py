"""The steps of a mailbox that call the mail system."""

from temporalio import activity

from orchestrator.domain.comparison import require_same
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.ledger import Change, Ledger, unchanged
from orchestrator.process.messages import ModifyValues, StepRun
from products.product_types.mailbox import Mailbox, MailboxInactive, MailboxProvisioning
from services.mail_system import Box, MailSystem


class MailboxActivities:
    """The steps of a mailbox.

    Each step is idempotent: the mail system knows each mailbox by its subscription. Each one raises
    ExternalSystemUnavailable if the system does not answer, and RequestRejected if it rejects the request.
    """

    def __init__(self, ledger: Ledger, mail: MailSystem) -> None:
        self._ledger = ledger
        self._mail = mail

    @activity.defn
    async def provision_mailbox(self, run: StepRun) -> SubscriptionModel:
        """Create the mailbox, and store the id that the system returns."""

        async def provision(mailbox: MailboxProvisioning, token: int) -> Change[MailboxProvisioning]:
            created = await self._mail.provision_mailbox(mailbox.subscription_id, _box(mailbox), token=token)
            return lambda held: held.provisioned(created.mailbox_id)

        async def adopt(mailbox: MailboxProvisioning, token: int) -> Change[MailboxProvisioning]:
            await self._mail.fence(mailbox.subscription_id, token=token)
            found = await self._mail.find_mailbox(mailbox.subscription_id)
            same = require_same(_box(mailbox).model_dump(), found, "mail system")
            return lambda held: held.provisioned(same.mailbox_id)

        return await self._ledger.call(run, MailboxProvisioning, provision, adopt=adopt)

    @activity.defn
    async def modify_mailbox(self, step: ModifyValues) -> SubscriptionModel:
        """Change the address or quota of the mailbox, and store the new values."""

        async def modify(mailbox: Mailbox, token: int) -> Change[Mailbox]:
            await self._change(mailbox.changed(**step.values), token)
            return lambda held: held.changed(**step.values)

        return await self._ledger.call(step.run, Mailbox, modify)

    @activity.defn
    async def restore_mailbox(self, run: StepRun) -> SubscriptionModel:
        """Restore the values that the mailbox had when the process locked the subscription."""

        async def restore(mailbox: Mailbox, token: int) -> Change[Mailbox]:
            await self._change(await self._ledger.before_image(run, Mailbox), token)
            return unchanged

        return await self._ledger.call(run, Mailbox, restore)

    @activity.defn
    async def deprovision_mailbox(self, run: StepRun) -> SubscriptionModel:
        """Remove the mailbox. Succeeds if it was never created."""

        async def deprovision(mailbox: MailboxInactive, token: int) -> Change[MailboxInactive]:
            await self._mail.deprovision_mailbox(mailbox.subscription_id, token=token)
            return unchanged

        return await self._ledger.call(run, MailboxInactive, deprovision)

    async def _change(self, mailbox: Mailbox, token: int) -> None:
        await self._mail.change_mailbox(mailbox.subscription_id, _box(mailbox), token=token)


def _box(subscription: MailboxProvisioning) -> Box:
    return Box(address=subscription.mailbox.address, quota_mb=subscription.mailbox.quota_mb)
