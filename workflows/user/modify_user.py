"""Modify a user: change its name, age or group in the subscription and in the user management system."""

from typing import ClassVar
from uuid import UUID

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import Field

    from activities.user import UserActivities
    from orchestrator.domain.process import Target
    from orchestrator.domain.text import Name, OutsideId
    from orchestrator.process.forms import ModifyForm
    from orchestrator.process.frame import ProcessFrame
    from products.product_blocks.user import Age
    from products.product_types.user import User
    from workflows.steps import (
        call_external_system,
        change_external_system,
        restore_subscription,
        resync,
        store_process_subscription,
        unsync,
    )


class ModifyUserForm(ModifyForm):
    """The new values of a user."""

    examples: ClassVar = (
        "64f731c2-30f5-5d90-b7b0-8f61a6fa6cce --username bob --age null",
        "64f731c2-30f5-5d90-b7b0-8f61a6fa6cce --group 9f4fa2f2-9a9e-5fe2-98b0-88ae4c8e9778",
    )
    unchangeable: ClassVar = frozenset({"user_id"})
    clearable: ClassVar = frozenset({"age"})

    username: Name | None = Field(None, title="Username", description="New name, 1 to 255 characters")
    age: Age | None = Field(None, title="Age", description="New age in years, 0 to 150; null clears it")
    group: UUID | None = Field(None, title="Group", description="UUID of the new group's subscription")
    user_id: OutsideId | None = Field(
        None, title="User id", description="Cannot be changed; refused if it differs from the current value"
    )

    @property
    def title(self) -> str:
        return f"Modify user: {', '.join(f'{name} {value}' for name, value in self.values().items())}"


@workflow.defn(name="modify_user")
class ModifyUser(ProcessFrame):
    """Change the name, age or group of a user."""

    target = Target.MODIFY
    sequence = (
        store_process_subscription(),
        unsync(User),
        change_external_system("Modify user", UserActivities.modify_user),
        resync(),
    )
    roll_back = (
        call_external_system("Restore user", UserActivities.restore_user),
        restore_subscription(),
        resync(),
    )

    @workflow.run
    async def run(self, form: ModifyUserForm) -> User:
        """Run the steps."""
        return await self.follow(form, User)
