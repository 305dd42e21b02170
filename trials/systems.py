"""The fakes of all external systems of the catalogue."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from services.fake_system import FakeSystem, open_fake_system
from settings import EXTERNAL_SYSTEMS


@asynccontextmanager
async def open_fake_systems(database_url: str) -> AsyncIterator[list[FakeSystem]]:
    """Connect to the fake of every external system."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(open_fake_system(database_url, name)) for name in EXTERNAL_SYSTEMS
        ]
