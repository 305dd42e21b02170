"""The fake group management system."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from orchestrator.database.connection import Pool
from services.fake_system import FakeSystem, Record, open_fake_system
from services.group_management import Group

NAME = "group_management"


@asynccontextmanager
async def open_fake_group_management(where: "str | Pool") -> AsyncIterator["FakeGroupManagement"]:
    """Connect to the fake, which has its own schema and role in this database."""
    async with open_fake_system(where, NAME) as system:
        yield FakeGroupManagement(system)


class FakeGroupManagement:
    """Implements `GroupManagement`; inject faults into its `system`."""

    def __init__(self, system: FakeSystem) -> None:
        self.system = system

    async def provision_group(self, subscription_id: UUID, group_name: str, *, token: int) -> Group:
        return _group(await self.system.provision(subscription_id, {"group_name": group_name}, token=token))

    async def rename_group(self, subscription_id: UUID, group_name: str, *, token: int) -> Group:
        return _group(await self.system.modify(subscription_id, {"group_name": group_name}, token=token))

    async def deprovision_group(self, subscription_id: UUID, *, token: int) -> None:
        await self.system.deprovision(subscription_id, token=token)

    async def fence(self, subscription_id: UUID, *, token: int) -> None:
        await self.system.fence(subscription_id, token=token)

    async def find_group(self, subscription_id: UUID) -> Group | None:
        record = await self.system.find(subscription_id)
        return None if record is None else _group(record)


def _group(record: Record) -> Group:
    return Group.model_validate({"group_id": record.record_id, **record.attributes})
