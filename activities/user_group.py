"""The steps of a user group that call the group management system."""

from temporalio import activity

from activities.ledger import Ledger, StepRun
from products.product_types.user_group import UserGroupInactive, UserGroupProvisioning
from products.subscription import SubscriptionModel
from services.group_management import GroupManagement


class UserGroupActivities:
    """The steps of a user group; each may run again: the group management system knows the subscription."""

    def __init__(self, ledger: Ledger, groups: GroupManagement) -> None:
        self._ledger = ledger
        self._groups = groups

    @activity.defn
    async def provision_user_group(self, run: StepRun) -> SubscriptionModel:
        """Make the group, and store the id that it was given.

        Raises:
            RequestRejected: when the group management system says no.
            ExternalSystemUnavailable: when it does not answer.
        """
        call = await self._ledger.call(run, UserGroupProvisioning)
        if isinstance(call, SubscriptionModel):
            return call
        group = await self._groups.provision_group(
            call.subscription.subscription_id, call.subscription.user_group.group_name, token=call.token
        )
        return await self._ledger.change(
            run, UserGroupProvisioning, lambda held: held.provisioned(group.group_id)
        )

    @activity.defn
    async def deprovision_user_group(self, run: StepRun) -> SubscriptionModel:
        """Remove the group, whether or not it was made.

        Raises:
            ExternalSystemUnavailable: when the group management system does not answer.
        """
        call = await self._ledger.call(run, UserGroupInactive)
        if isinstance(call, SubscriptionModel):
            return call
        await self._groups.deprovision_group(call.subscription.subscription_id, token=call.token)
        return await self._ledger.change(run, UserGroupInactive, lambda held: held)
