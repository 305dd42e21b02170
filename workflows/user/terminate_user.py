"""Terminate a user: remove it from the user management system and end its subscription."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.user import UserActivities
    from orchestrator.domain.process import Target
    from orchestrator.domain.subscription import Status
    from orchestrator.process.forms import TerminateForm
    from orchestrator.process.frame import ProcessFrame
    from products.product_types.user import UserInactive
    from workflows.steps import (
        call_external_system,
        resync,
        set_status,
        store_process_subscription,
        unsync,
    )

DEPROVISION = call_external_system("Deprovision user", UserActivities.deprovision_user)


class TerminateUserForm(TerminateForm):
    """The user to terminate."""


@workflow.defn(name="terminate_user")
class TerminateUser(ProcessFrame):
    """Terminate a user."""

    target = Target.TERMINATE
    sequence = (
        store_process_subscription(),
        unsync(UserInactive),
        DEPROVISION,
        set_status(Status.TERMINATED),
        resync(),
    )
    pivot = DEPROVISION
    roll_back = (resync(),)

    @workflow.run
    async def run(self, form: TerminateUserForm) -> UserInactive:
        """Run the steps."""
        return await self.follow(form, UserInactive)
