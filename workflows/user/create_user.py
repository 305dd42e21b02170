"""Create a user: the subscription, and the user in the user management system."""

from typing import ClassVar
from uuid import UUID

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import Field

    from activities.user import UserActivities
    from orchestrator.domain.process import Target
    from orchestrator.domain.subscription import Status
    from orchestrator.domain.text import Name
    from orchestrator.process.forms import CreateForm
    from orchestrator.process.frame import ProcessFrame
    from products.product_blocks.user import Age
    from products.product_types.user import User
    from workflows.steps import (
        call_external_system,
        create_subscription,
        initialize_subscription,
        resync,
        set_status,
        store_process_subscription,
    )


class CreateUserForm(CreateForm):
    """A user in a user group."""

    examples: ClassVar = (
        '--product "User internal" --username alice --group 64f731c2-30f5-5d90-b7b0-8f61a6fa6cce --age 42',
    )
    mandatory_initially: ClassVar = frozenset({"group"})

    product: Name = Field(title="Product", description="'User internal', 'User external', or the UUID of one")
    username: Name = Field(title="Username", description="Name of the user, 1 to 255 characters")
    group: UUID = Field(title="Group", description="UUID of the group's subscription")
    age: Age | None = Field(None, title="Age", description="Age of the user in years, 0 to 150")

    @property
    def title(self) -> str:
        return f'Create user "{self.username}"'


@workflow.defn(name="create_user")
class CreateUser(ProcessFrame):
    """Create a user."""

    target = Target.CREATE
    sequence = (
        create_subscription(User, CreateUserForm, lambda form: form.product),
        store_process_subscription(),
        initialize_subscription(),
        call_external_system("Provision user", UserActivities.provision_user),
        set_status(Status.ACTIVE),
        resync(),
    )
    roll_back = (
        call_external_system("Deprovision user", UserActivities.deprovision_user),
        set_status(Status.TERMINATED),
        resync(),
    )

    @workflow.run
    async def run(self, form: CreateUserForm) -> User:
        """Run the steps."""
        return await self.follow(form, User)
