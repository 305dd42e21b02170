"""Validate a user: compare its subscription with the user management system."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.user import UserActivities
    from orchestrator.domain.process import Target
    from orchestrator.process.forms import ValidateForm
    from orchestrator.process.frame import ProcessFrame
    from products.product_types.user import User
    from workflows.steps import (
        call_external_system,
        conclude_validation,
        resync,
        store_process_subscription,
        unsync,
    )

CHECK = call_external_system("Check user", UserActivities.check_user)


class ValidateUserForm(ValidateForm):
    """The user to validate."""


@workflow.defn(name="validate_user")
class ValidateUser(ProcessFrame):
    """Check whether the subscription agrees with the user management system."""

    target = Target.VALIDATE
    sequence = (
        store_process_subscription(),
        unsync(User),
        CHECK,
        conclude_validation(CHECK),
    )
    roll_back = (resync(),)

    @workflow.run
    async def run(self, form: ValidateUserForm) -> User:
        """Run the steps."""
        return await self.follow(form, User)
