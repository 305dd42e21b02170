"""The steps of a user group that call the group management system."""

from temporalio import activity

from orchestrator.domain.comparison import compare, require_gone, require_same
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.ledger import Change, Ledger, unchanged
from orchestrator.process.messages import CheckResult, ModifyValues, StepRun, Values
from products.product_types.user_group import UserGroup, UserGroupInactive, UserGroupProvisioning
from services.group_management import Group, GroupManagement

SYSTEM = "group management system"
"""Its name in sentences."""


class UserGroupActivities:
    """The steps of a user group. Every one is idempotent: the group management system knows the subscription.

    Every one raises ExternalSystemUnavailable when the system does not answer, and RequestRejected when it
    rejects the request.
    """

    def __init__(self, ledger: Ledger, groups: GroupManagement) -> None:
        self._ledger = ledger
        self._groups = groups

    @activity.defn
    async def provision_user_group(self, run: StepRun) -> SubscriptionModel:
        """Create the group, and store the id that the system returns."""

        async def provision(group: UserGroupProvisioning, token: int) -> Change[UserGroupProvisioning]:
            name = group.user_group.group_name
            created = await self._groups.provision_group(group.subscription_id, name, token=token)
            if created.group_name != name:  # it was created before its name was corrected
                await self._groups.rename_group(group.subscription_id, name, token=token)
            return lambda held: held.provisioned(created.group_id)

        async def adopt(group: UserGroupProvisioning, token: int) -> Change[UserGroupProvisioning]:
            found = await self._find_same(group, {"group_name": group.user_group.group_name}, token)
            return lambda held: held.provisioned(found.group_id)

        return await self._ledger.call(run, UserGroupProvisioning, provision, adopt=adopt)

    @activity.defn
    async def modify_user_group(self, step: ModifyValues) -> SubscriptionModel:
        """Rename the group, and store the new name."""

        async def modify(group: UserGroup, token: int) -> Change[UserGroup]:
            await self._rename(group.changed(**step.values), token)
            return lambda held: held.changed(**step.values)

        async def adopt(group: UserGroup, token: int) -> Change[UserGroup]:
            await self._find_same(group, group.changed(**step.values).user_group.model_dump(), token)
            return lambda held: held.changed(**step.values)

        return await self._ledger.call(step.run, UserGroup, modify, adopt=adopt)

    @activity.defn
    async def restore_user_group(self, run: StepRun) -> SubscriptionModel:
        """Restore the name that the group had when the process locked the subscription."""

        async def restore(group: UserGroup, token: int) -> Change[UserGroup]:
            await self._rename(await self._ledger.before_image(run, UserGroup), token)
            return unchanged

        async def adopt(group: UserGroup, token: int) -> Change[UserGroup]:
            before = await self._ledger.before_image(run, UserGroup)
            await self._find_same(group, before.user_group.model_dump(), token)
            return unchanged

        return await self._ledger.call(run, UserGroup, restore, adopt=adopt)

    @activity.defn
    async def check_user_group(self, run: StepRun) -> CheckResult:
        """Compare every resource type with the group management system."""

        async def find(group: UserGroup) -> tuple[str, ...]:
            found = await self._groups.find_group(group.subscription_id)
            known = None if found is None else found.model_dump()
            return compare(group.user_group.model_dump(), known, SYSTEM)

        return await self._ledger.check(run, UserGroup, find)

    @activity.defn
    async def deprovision_user_group(self, run: StepRun) -> SubscriptionModel:
        """Remove the group, whether or not it was created."""

        async def deprovision(group: UserGroupInactive, token: int) -> Change[UserGroupInactive]:
            await self._groups.deprovision_group(group.subscription_id, token=token)
            return unchanged

        async def adopt(group: UserGroupInactive, token: int) -> Change[UserGroupInactive]:
            require_gone(await self._find(group, token), SYSTEM)
            return unchanged

        return await self._ledger.call(run, UserGroupInactive, deprovision, adopt=adopt)

    async def _find_same(self, group: UserGroupInactive, values: Values, token: int) -> Group:
        return require_same(values, await self._find(group, token), SYSTEM)

    async def _find(self, group: UserGroupInactive, token: int) -> Group | None:
        """Return what the system has; a call that is still on its way cannot change it any more."""
        await self._groups.fence(group.subscription_id, token=token)
        return await self._groups.find_group(group.subscription_id)

    async def _rename(self, group: UserGroup, token: int) -> None:
        await self._groups.rename_group(group.subscription_id, group.user_group.group_name, token=token)
