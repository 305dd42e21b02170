"""Validate a user group: compare its subscription with the group management system."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.user_group import UserGroupActivities
    from orchestrator.domain.process import Target
    from orchestrator.process.forms import ValidateForm
    from orchestrator.process.frame import ProcessFrame
    from products.product_types.user_group import UserGroup
    from workflows.steps import (
        call_external_system,
        conclude_validation,
        resync,
        store_process_subscription,
        unsync,
    )

CHECK = call_external_system("Check user group", UserGroupActivities.check_user_group)


class ValidateUserGroupForm(ValidateForm):
    """The user group to validate."""


@workflow.defn(name="validate_user_group")
class ValidateUserGroup(ProcessFrame):
    """Check whether the subscription agrees with the group management system."""

    target = Target.VALIDATE
    sequence = (
        store_process_subscription(),
        unsync(UserGroup),
        CHECK,
        conclude_validation(CHECK),
    )
    roll_back = (resync(),)

    @workflow.run
    async def run(self, form: ValidateUserGroupForm) -> UserGroup:
        """Run the steps."""
        return await self.follow(form, UserGroup)
