"""The steps of a user that call the user management system."""

from temporalio import activity

from orchestrator.domain.comparison import compare
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.ledger import Ledger
from orchestrator.process.messages import CheckResult, ModifyValues, StepRun
from products.product_types.user import User, UserInactive, UserProvisioning
from services.user_management import Account, UserManagement


class UserActivities:
    """The steps of a user; each may run again: the user management system knows the subscription."""

    def __init__(self, ledger: Ledger, users: UserManagement) -> None:
        self._ledger = ledger
        self._users = users

    @activity.defn
    async def provision_user(self, run: StepRun) -> SubscriptionModel:
        """Make the user, and store the id that was given.

        Raises:
            RequestRejected: when the user management system says no.
            ExternalSystemUnavailable: when it does not answer.
        """
        call = await self._ledger.call(run, UserProvisioning, SubscriptionModel)
        if isinstance(call, SubscriptionModel):
            return call
        user = await self._users.provision_user(
            call.subscription.subscription_id, _account(call.subscription), token=call.token
        )
        return await self._ledger.change(run, UserProvisioning, lambda held: held.provisioned(user.user_id))

    @activity.defn
    async def modify_user(self, step: ModifyValues) -> SubscriptionModel:
        """Change name, age or group of the user, and store what was changed.

        Raises:
            RequestRejected: when the user management system says no.
            ExternalSystemUnavailable: when it does not answer.
        """
        run = step.run
        call = await self._ledger.call(run, User, SubscriptionModel)
        if isinstance(call, SubscriptionModel):
            return call
        values = await self._ledger.resolved(User, step.values)
        wanted = call.subscription.changed(**values)
        await self._users.change_user(wanted.subscription_id, _account(wanted), token=call.token)
        return await self._ledger.change(run, User, lambda held: held.changed(**values))

    @activity.defn
    async def restore_user(self, run: StepRun) -> SubscriptionModel:
        """Make the user again what the subscription was when it was locked.

        Raises:
            RequestRejected: when the user management system says no.
            ExternalSystemUnavailable: when it does not answer.
        """
        call = await self._ledger.call(run, User, SubscriptionModel)
        if isinstance(call, SubscriptionModel):
            return call
        before = await self._ledger.before_image(run, User)
        await self._users.change_user(before.subscription_id, _account(before), token=call.token)
        return await self._ledger.change(run, User, lambda held: held)

    @activity.defn
    async def check_user(self, run: StepRun) -> CheckResult:
        """Compare every resource type with what the user management system says.

        Raises:
            ExternalSystemUnavailable: when it does not answer.
        """
        call = await self._ledger.call(run, User, CheckResult)
        if isinstance(call, CheckResult):
            return call
        user = await self._users.find_user(call.subscription.subscription_id)
        expected = {"user_id": call.subscription.user.user_id, **_account(call.subscription).model_dump()}
        found = None if user is None else user.model_dump()
        differences = compare(expected, found, "user management system")
        return await self._ledger.checked(run, differences)

    @activity.defn
    async def deprovision_user(self, run: StepRun) -> SubscriptionModel:
        """Remove the user, made or not.

        Raises:
            ExternalSystemUnavailable: when the user management system does not answer.
        """
        call = await self._ledger.call(run, UserInactive, SubscriptionModel)
        if isinstance(call, SubscriptionModel):
            return call
        await self._users.deprovision_user(call.subscription.subscription_id, token=call.token)
        return await self._ledger.change(run, UserInactive, lambda held: held)


def _account(subscription: UserProvisioning) -> Account:
    user = subscription.user
    return Account(
        username=user.username,
        age=user.age,
        affiliation=user.affiliation,
        group_id=user.group.group_id,
    )
