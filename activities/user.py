"""The steps of a user that call the user management system."""

from temporalio import activity

from orchestrator.domain.comparison import compare, require_gone, require_same
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.ledger import Change, Ledger, unchanged
from orchestrator.process.messages import CheckResult, ModifyValues, StepRun, Values
from products.product_types.user import User, UserInactive, UserProvisioning
from services.user_management import Account, KnownUser, UserManagement

SYSTEM = "user management system"
"""Its name in sentences."""


class UserActivities:
    """The steps of a user. Every one is idempotent: the user management system knows the subscription.

    Every one raises ExternalSystemUnavailable when the system does not answer, and RequestRejected when it
    rejects the request.
    """

    def __init__(self, ledger: Ledger, users: UserManagement) -> None:
        self._ledger = ledger
        self._users = users

    @activity.defn
    async def provision_user(self, run: StepRun) -> SubscriptionModel:
        """Create the user, and store the id that the system returns."""

        async def provision(user: UserProvisioning, token: int) -> Change[UserProvisioning]:
            wanted = _account(user)
            created = await self._users.provision_user(user.subscription_id, wanted, token=token)
            if created.model_dump(exclude={"user_id"}) != wanted.model_dump():
                await self._change(user, token)  # it was created before its values were corrected
            return lambda held: held.provisioned(created.user_id)

        async def adopt(user: UserProvisioning, token: int) -> Change[UserProvisioning]:
            found = await self._find_same(user, _account(user).model_dump(), token)
            return lambda held: held.provisioned(found.user_id)

        return await self._ledger.call(run, UserProvisioning, provision, adopt=adopt)

    @activity.defn
    async def modify_user(self, step: ModifyValues) -> SubscriptionModel:
        """Change the name, age or group of the user, and store the new values."""

        async def modify(user: User, token: int) -> Change[User]:
            values = await self._ledger.resolved(User, step.values)
            await self._change(user.changed(**values), token)
            return lambda held: held.changed(**values)

        async def adopt(user: User, token: int) -> Change[User]:
            values = await self._ledger.resolved(User, step.values)
            await self._find_same(user, _known(user.changed(**values)), token)
            return lambda held: held.changed(**values)

        return await self._ledger.call(step.run, User, modify, adopt=adopt)

    @activity.defn
    async def restore_user(self, run: StepRun) -> SubscriptionModel:
        """Restore the values that the user had when the process locked the subscription."""

        async def restore(user: User, token: int) -> Change[User]:
            await self._change(await self._ledger.before_image(run, User), token)
            return unchanged

        async def adopt(user: User, token: int) -> Change[User]:
            before = await self._ledger.before_image(run, User)
            await self._find_same(user, _known(before), token)
            return unchanged

        return await self._ledger.call(run, User, restore, adopt=adopt)

    @activity.defn
    async def check_user(self, run: StepRun) -> CheckResult:
        """Compare every resource type with the user management system."""

        async def find(user: User) -> tuple[str, ...]:
            found = await self._users.find_user(user.subscription_id)
            known = None if found is None else found.model_dump()
            return compare(_known(user), known, SYSTEM)

        return await self._ledger.check(run, User, find)

    @activity.defn
    async def deprovision_user(self, run: StepRun) -> SubscriptionModel:
        """Remove the user, whether or not it was created."""

        async def deprovision(user: UserInactive, token: int) -> Change[UserInactive]:
            await self._users.deprovision_user(user.subscription_id, token=token)
            return unchanged

        async def adopt(user: UserInactive, token: int) -> Change[UserInactive]:
            require_gone(await self._find(user, token), SYSTEM)
            return unchanged

        return await self._ledger.call(run, UserInactive, deprovision, adopt=adopt)

    async def _find_same(self, user: UserInactive, values: Values, token: int) -> KnownUser:
        return require_same(values, await self._find(user, token), SYSTEM)

    async def _find(self, user: UserInactive, token: int) -> KnownUser | None:
        """Return what the system has; a call that is still on its way cannot change it any more."""
        await self._users.fence(user.subscription_id, token=token)
        return await self._users.find_user(user.subscription_id)

    async def _change(self, user: UserProvisioning, token: int) -> None:
        await self._users.change_user(user.subscription_id, _account(user), token=token)


def _known(user: User) -> Values:
    """Return what the system has of an active user."""
    return {"user_id": user.user.user_id, **_account(user).model_dump()}


def _account(subscription: UserProvisioning) -> Account:
    user = subscription.user
    return Account(
        username=user.username,
        age=user.age,
        affiliation=user.affiliation,
        group_id=user.group.group_id,
    )
