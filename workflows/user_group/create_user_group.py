"""Create a user group: the subscription, and the group in the group management system."""

from typing import ClassVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import Field

    from activities.user_group import UserGroupActivities
    from orchestrator.domain.process import Target
    from orchestrator.domain.subscription import Status
    from orchestrator.domain.text import Name
    from orchestrator.process.forms import CreateForm
    from orchestrator.process.frame import ProcessFrame
    from products.product_types.user_group import UserGroup
    from workflows.steps import (
        call_external_system,
        create_subscription,
        initialize_subscription,
        resync,
        set_status,
        store_process_subscription,
    )


class CreateUserGroupForm(CreateForm):
    """A named group of users."""

    examples: ClassVar = ('--group-name "Network operators"', "--json  # asks for the name on a terminal")

    group_name: Name = Field(title="Group name", description="Name of the group, 1 to 255 characters")

    @property
    def title(self) -> str:
        return f'Create user group "{self.group_name}"'


@workflow.defn(name="create_user_group")
class CreateUserGroup(ProcessFrame):
    """Create a user group."""

    target = Target.CREATE
    sequence = (
        create_subscription(UserGroup),
        store_process_subscription(),
        initialize_subscription(),
        call_external_system("Provision user group", UserGroupActivities.provision_user_group),
        set_status(Status.ACTIVE),
        resync(),
    )
    roll_back = (
        call_external_system("Deprovision user group", UserGroupActivities.deprovision_user_group),
        set_status(Status.TERMINATED),
        resync(),
    )

    @workflow.run
    async def run(self, form: CreateUserGroupForm) -> UserGroup:
        """Run the steps."""
        return await self.follow(form, UserGroup)
