"""The steps of a user group that call the group management system."""

from temporalio import activity

from orchestrator.domain.comparison import compare
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.ledger import Call, Ledger
from orchestrator.process.messages import CheckResult, ModifyValues, StepRun
from products.product_types.user_group import UserGroup, UserGroupInactive, UserGroupProvisioning
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
        call = await self._ledger.call(run, UserGroupProvisioning, SubscriptionModel)
        if isinstance(call, SubscriptionModel):
            return call
        group = await self._groups.provision_group(
            call.subscription.subscription_id, call.subscription.user_group.group_name, token=call.token
        )
        return await self._ledger.change(
            run, UserGroupProvisioning, lambda held: held.provisioned(group.group_id)
        )

    @activity.defn
    async def modify_user_group(self, step: ModifyValues) -> SubscriptionModel:
        """Rename the group, and store its name.

        Raises:
            RequestRejected: when the group management system says no.
            ExternalSystemUnavailable: when it does not answer.
        """
        run = step.run
        call = await self._ledger.call(run, UserGroup, SubscriptionModel)
        if isinstance(call, SubscriptionModel):
            return call
        await self._rename(call, call.subscription.changed(**step.values).user_group.group_name)
        return await self._ledger.change(run, UserGroup, lambda held: held.changed(**step.values))

    @activity.defn
    async def restore_user_group(self, run: StepRun) -> SubscriptionModel:
        """Give the group the name back that the subscription still has, or had.

        Raises:
            RequestRejected: when the group management system says no.
            ExternalSystemUnavailable: when it does not answer.
        """
        call = await self._ledger.call(run, UserGroup, SubscriptionModel)
        if isinstance(call, SubscriptionModel):
            return call
        before = await self._ledger.before_image(run, UserGroup)
        await self._rename(call, before.user_group.group_name)
        return await self._ledger.change(run, UserGroup, lambda held: held)

    @activity.defn
    async def check_user_group(self, run: StepRun) -> CheckResult:
        """Compare every resource type with what the group management system says.

        Raises:
            ExternalSystemUnavailable: when it does not answer.
        """
        call = await self._ledger.call(run, UserGroup, CheckResult)
        if isinstance(call, CheckResult):
            return call
        group = await self._groups.find_group(call.subscription.subscription_id)
        found = None if group is None else group.model_dump()
        differences = compare(call.subscription.user_group.model_dump(), found, "group management system")
        return await self._ledger.checked(run, differences)

    async def _rename(self, call: Call[UserGroup], group_name: str) -> None:
        await self._groups.rename_group(call.subscription.subscription_id, group_name, token=call.token)

    @activity.defn
    async def deprovision_user_group(self, run: StepRun) -> SubscriptionModel:
        """Remove the group, whether or not it was made.

        Raises:
            ExternalSystemUnavailable: when the group management system does not answer.
        """
        call = await self._ledger.call(run, UserGroupInactive, SubscriptionModel)
        if isinstance(call, SubscriptionModel):
            return call
        await self._groups.deprovision_group(call.subscription.subscription_id, token=call.token)
        return await self._ledger.change(run, UserGroupInactive, lambda held: held)
