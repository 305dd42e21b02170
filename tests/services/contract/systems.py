"""Both external systems in a test of the contract."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from services.group_management import Group, GroupManagement
from services.user_management import Account, UserManagement
from settings import Settings

NAMED = Settings.from_environment().external_systems
YOURS = [] if Settings().external_systems == NAMED else ["yours"]

HIGHEST = 1000
"""A token above those of all tests."""


@dataclass
class Systems:
    """The clients, and the subscriptions that the test has made up."""

    groups: GroupManagement
    users: UserManagement
    made_up: list[UUID]

    def new_id(self) -> UUID:
        """Return the id of a subscription that the systems do not know."""
        self.made_up.append(made_up := uuid4())
        return made_up

    async def new_group(self, name: str = "Network operators", token: int = 1) -> tuple[UUID, Group]:
        """Create a group; return its subscription, and the group."""
        subscription_id = self.new_id()
        return subscription_id, await self.groups.provision_group(subscription_id, name, token=token)

    async def new_account(self, age: int | None = 42) -> Account:
        """Return the values of a user in a new group, whose name nobody else has."""
        _, group = await self.new_group()
        name = f"alice-{uuid4()}"
        return Account(username=name, age=age, affiliation="internal", group_id=group.group_id)
