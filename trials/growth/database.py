"""A database that the generator has filled, and what is measured in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from orchestrator.database.connection import Pool, open_pool
from settings import Endpoints
from trials.bench.sql import SqlOfProcesses
from trials.growth.filling import BLOCK
from trials.inputs import Known
from trials.workload import Start

USER, GROUP, MIDDLE = 300, 3, 500
"""Places in a block: of a user and a group that are active, in sync and related to none that is not, and its
middle."""


@dataclass
class Filled:
    """A filled database."""

    pool: Pool
    sql: SqlOfProcesses
    blocks: int
    created: list[Known] = field(default_factory=list)
    """Subscriptions that the measurement has created and not yet modified."""

    @classmethod
    @asynccontextmanager
    async def open(cls, endpoints: Endpoints, create: Start, blocks: int) -> AsyncIterator[Self]:
        """Connect to the database and to the external system of the product that is created."""
        url = endpoints.database_url.get_secret_value()
        async with (
            await open_pool(url, size=1) as pool,
            SqlOfProcesses.open(create.entry, endpoints) as sql,
        ):
            yield cls(pool, sql, blocks)

    def number(self, place: int) -> int:
        """Return the number of the subscription at this place of the block in the middle."""
        return self.blocks // 2 * BLOCK + place
