"""The external systems of a chaos run: the fakes, or the resources of a SCIM server."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal, Protocol
from uuid import UUID

from services.fake_faults import Fault
from services.fake_system import Change, FakeSystem, Record, open_fake_system
from settings import EXTERNAL_SYSTEMS

External = Literal["fake", "scim"]
"""What stands for the external systems."""


class OutsideSystem(Protocol):
    """An external system that fails on request, and shows what it has."""

    @property
    def name(self) -> str:
        """Its name, as in the settings."""
        ...

    async def order(self, fault: Fault) -> object:
        """Inject a fault."""
        ...

    async def clear_faults(self) -> None:
        """Remove all faults."""
        ...

    async def records(self) -> dict[UUID, Record]:
        """Return all records, by subscription."""
        ...

    async def changes(self) -> list[Change] | None:
        """Return all changes, in order; `None`: the system does not keep them."""
        ...


@asynccontextmanager
async def open_fake_systems(
    database_url: str, without: Collection[str] = frozenset()
) -> AsyncIterator[list[FakeSystem]]:
    """Connect to the fake of every external system, apart from those of these names."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(open_fake_system(database_url, name))
            for name in EXTERNAL_SYSTEMS
            if name not in without
        ]
