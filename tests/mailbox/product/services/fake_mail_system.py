"""The fake mail system."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from services.fake_system import FakeSystem, Record, open_fake_system
from services.mail_system import Box, KnownBox

NAME = "mail_system"


@asynccontextmanager
async def open_fake_mail_system(database_url: str) -> AsyncIterator["FakeMailSystem"]:
    """Connect to the fake, which has a separate schema and role in this database."""
    async with open_fake_system(database_url, NAME) as system:
        yield FakeMailSystem(system)


class FakeMailSystem:
    """Implements `MailSystem`; `system` takes the faults."""

    def __init__(self, system: FakeSystem) -> None:
        self.system = system

    async def provision_mailbox(self, subscription_id: UUID, box: Box, *, token: int) -> KnownBox:
        return _box(await self.system.provision(subscription_id, box.model_dump(), token=token))

    async def change_mailbox(self, subscription_id: UUID, box: Box, *, token: int) -> KnownBox:
        return _box(await self.system.modify(subscription_id, box.model_dump(), token=token))

    async def deprovision_mailbox(self, subscription_id: UUID, *, token: int) -> None:
        await self.system.deprovision(subscription_id, token=token)

    async def fence(self, subscription_id: UUID, *, token: int) -> None:
        await self.system.fence(subscription_id, token=token)

    async def find_mailbox(self, subscription_id: UUID) -> KnownBox | None:
        record = await self.system.find(subscription_id)
        return None if record is None else _box(record)


def _box(record: Record) -> KnownBox:
    return KnownBox.model_validate({"mailbox_id": record.record_id, **record.attributes})
