"""The connections of the fakes: those at one URL share a small pool, each in its own role and schema."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from orchestrator.database.connection import Connection, Pool

FAKES_POOL_SIZE = 4
"""Connections that the fakes at one URL share."""


class FakePool:
    """Lends the connections of a pool in the role and the schema of one fake."""

    def __init__(self, pool: Pool, name: str) -> None:
        self._pool = pool
        self._name = name

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """Lend a connection."""
        async with self._pool.acquire() as connection:
            # Each time: another fake may have had it, and what a pool resets leaves the role.
            await connection.execute(
                "SELECT set_config('role', $1, false), set_config('search_path', $1, false)", self._name
            )
            yield connection
