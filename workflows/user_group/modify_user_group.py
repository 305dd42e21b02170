"""Modify a user group: rename it in the subscription and in the group management system."""

from typing import ClassVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import Field

    from activities.user_group import UserGroupActivities
    from orchestrator.domain.process import Target
    from orchestrator.domain.text import Name, OutsideId
    from orchestrator.process.forms import ModifyForm
    from orchestrator.process.frame import ProcessFrame
    from products.product_types.user_group import UserGroup
    from workflows.steps import (
        call_external_system,
        change_external_system,
        restore_subscription,
        resync,
        store_process_subscription,
        unsync,
    )


class ModifyUserGroupForm(ModifyForm):
    """The new values of a user group."""

    examples: ClassVar = ('64f731c2-30f5-5d90-b7b0-8f61a6fa6cce --group-name "Operators" --version 1',)
    unchangeable: ClassVar = frozenset({"group_id"})

    group_name: Name | None = Field(None, title="Group name", description="New name, 1 to 255 characters")
    group_id: OutsideId | None = Field(
        None, title="Group id", description="Cannot be changed; refused if it differs from the current value"
    )

    @property
    def title(self) -> str:
        return f'Modify user group: "{self.group_name}"'


@workflow.defn(name="modify_user_group")
class ModifyUserGroup(ProcessFrame):
    """Rename a user group."""

    target = Target.MODIFY
    sequence = (
        store_process_subscription(),
        unsync(UserGroup),
        change_external_system("Modify user group", UserGroupActivities.modify_user_group),
        resync(),
    )
    roll_back = (
        call_external_system("Restore user group", UserGroupActivities.restore_user_group),
        restore_subscription(),
        resync(),
    )

    @workflow.run
    async def run(self, form: ModifyUserGroupForm) -> UserGroup:
        """Run the steps."""
        return await self.follow(form, UserGroup)
