"""The fake user management system."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from orchestrator.database.connection import Pool
from services.fake_system import FakeSystem, Record, open_fake_system
from services.user_management import Account, KnownUser

NAME = "user_management"


@asynccontextmanager
async def open_fake_user_management(where: "str | Pool") -> AsyncIterator["FakeUserManagement"]:
    """Connect to the fake, which has its own schema and role in this database."""
    async with open_fake_system(where, NAME) as system:
        yield FakeUserManagement(system)


class FakeUserManagement:
    """Implements `UserManagement`; inject faults into its `system`."""

    def __init__(self, system: FakeSystem) -> None:
        self.system = system

    async def provision_user(self, subscription_id: UUID, account: Account, *, token: int) -> KnownUser:
        return _user(await self.system.provision(subscription_id, account.model_dump(), token=token))

    async def change_user(self, subscription_id: UUID, account: Account, *, token: int) -> KnownUser:
        return _user(await self.system.modify(subscription_id, account.model_dump(), token=token))

    async def deprovision_user(self, subscription_id: UUID, *, token: int) -> None:
        await self.system.deprovision(subscription_id, token=token)

    async def fence(self, subscription_id: UUID, *, token: int) -> None:
        await self.system.fence(subscription_id, token=token)

    async def find_user(self, subscription_id: UUID) -> KnownUser | None:
        record = await self.system.find(subscription_id)
        return None if record is None else _user(record)


def _user(record: Record) -> KnownUser:
    return KnownUser.model_validate({"user_id": record.record_id, **record.attributes})
