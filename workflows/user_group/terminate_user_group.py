"""Terminate a user group: remove it from the group management system and end its subscription."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.user_group import UserGroupActivities
    from orchestrator.domain.process import Target
    from orchestrator.domain.subscription import Status
    from orchestrator.process.forms import TerminateForm
    from orchestrator.process.frame import ProcessFrame
    from products.product_types.user_group import UserGroupInactive
    from workflows.steps import (
        call_external_system,
        resync,
        set_status,
        store_process_subscription,
        unsync,
    )

DEPROVISION = call_external_system("Deprovision user group", UserGroupActivities.deprovision_user_group)


class TerminateUserGroupForm(TerminateForm):
    """The user group to terminate."""


@workflow.defn(name="terminate_user_group")
class TerminateUserGroup(ProcessFrame):
    """Terminate a user group that has no users."""

    target = Target.TERMINATE
    sequence = (
        store_process_subscription(),
        unsync(UserGroupInactive),
        DEPROVISION,
        set_status(Status.TERMINATED),
        resync(),
    )
    pivot = DEPROVISION
    roll_back = (resync(),)

    @workflow.run
    async def run(self, form: TerminateUserGroupForm) -> UserGroupInactive:
        """Run the steps."""
        return await self.follow(form, UserGroupInactive)
