"""A fake external system: it keeps its own state, checks fencing tokens, and fails on request."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic_core import from_json, to_json

from orchestrator.database.connection import Connection, Pool, open_pool, transaction
from orchestrator.domain.errors import RequestRejected, StaleToken
from orchestrator.domain.text import OutsideId
from services.errors import ExternalSystemUnavailable, FakeNotUsable
from services.fake_faults import (
    Fault,
    FaultKind,
    active_kinds,
    delete_faults,
    insert_fault,
    list_faults,
    strike,
)
from services.fake_pool import FAKES_POOL_SIZE, FakePool

__all__ = ["Change", "FakeSystem", "Fault", "Record", "open_fake_system"]

Attributes = dict[str, JsonValue]


class Record(BaseModel):
    """A record of the system: a group or a user."""

    model_config = ConfigDict(frozen=True)

    record_id: OutsideId
    attributes: Attributes


class Change(BaseModel):
    """An actual change of a record; a repeated call that changes nothing is not one."""

    model_config = ConfigDict(frozen=True)

    subscription_id: UUID
    token: int
    """Fencing token of the call."""
    attributes: Attributes | None
    """New attributes; `None`: the record was removed."""


@asynccontextmanager
async def open_fake_system(where: "str | Pool", name: str) -> AsyncIterator["FakeSystem"]:
    """Connect to a fake that `services.fake_schema` made, in its own role and schema.

    Args:
        where: the URL of its database; or a pool that fakes share, which the caller closes.

    Raises:
        DatabaseUnreachable: when nothing answers at the URL, or nobody is let in.
        FakeNotUsable: when there is no such fake, or the role of the connections may not act as it.
    """
    async with AsyncExitStack() as stack:
        if isinstance(where, str):
            where = await stack.enter_async_context(await open_pool(where, size=FAKES_POOL_SIZE))
        pool = FakePool(where, name)
        try:
            async with pool.acquire():
                pass
        except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError) as error:
            raise FakeNotUsable(name, error) from error
        yield FakeSystem(name, pool)


class FakeSystem:
    """Records by subscription id, guarded by fencing tokens, with faults on request."""

    def __init__(self, name: str, pool: FakePool) -> None:
        self.name = name
        self._pool = pool

    async def provision(self, subscription_id: UUID, attributes: Attributes, *, token: int) -> Record:
        """Create the record, or return the existing one.

        Raises:
            RequestRejected: if the record was removed, or by a fault.
            StaleToken: if the system has seen a higher token.
            ExternalSystemUnavailable: by a fault.
        """
        active = await self._fail_before(attributes)
        async with transaction(self._pool) as connection:
            await self._fence(connection, subscription_id, token)
            row = await connection.fetchrow(
                """
                UPDATE records
                SET attributes = coalesce(attributes, $2)
                WHERE subscription_id = $1 AND NOT removed
                RETURNING record_id, attributes
                """,
                subscription_id,
                to_json(attributes).decode(),
            )
        if row is None:
            raise RequestRejected(f"{self.name} has removed the record of {subscription_id} for ever")
        await self._fail_after(active)
        return _record(row)

    async def modify(self, subscription_id: UUID, attributes: Attributes, *, token: int) -> Record:
        """Replace the attributes of the record.

        Raises:
            RequestRejected: if there is no such record, or by a fault.
            StaleToken, ExternalSystemUnavailable: as `provision`.
        """
        active = await self._fail_before(attributes)
        async with transaction(self._pool) as connection:
            await self._fence(connection, subscription_id, token)
            row = await connection.fetchrow(
                """
                UPDATE records
                SET attributes = $2
                WHERE subscription_id = $1 AND attributes IS NOT NULL
                RETURNING record_id, attributes
                """,
                subscription_id,
                to_json(attributes).decode(),
            )
        if row is None:
            raise RequestRejected(f"{self.name} has no record of {subscription_id}")
        await self._fail_after(active)
        return _record(row)

    async def tamper(self, subscription_id: UUID, attributes: Attributes | None) -> None:
        """Change the record directly, without a token and unaffected by faults; `None` removes it."""
        async with self._pool.acquire() as connection:
            await connection.execute(
                "UPDATE records SET attributes = $2 WHERE subscription_id = $1",
                subscription_id,
                None if attributes is None else to_json(attributes).decode(),
            )

    async def deprovision(self, subscription_id: UUID, *, token: int) -> None:
        """Remove the record, if there is one, and leave a tombstone.

        Raises:
            StaleToken, ExternalSystemUnavailable: as `provision`.
        """
        active = await self._fail_before({})
        async with transaction(self._pool) as connection:
            await self._fence(connection, subscription_id, token)
            await connection.execute(
                "UPDATE records SET attributes = NULL, removed = true WHERE subscription_id = $1",
                subscription_id,
            )
        await self._fail_after(active)

    async def fence(self, subscription_id: UUID, *, token: int) -> None:
        """Remember the token, so that a call with a lower one is refused.

        Raises:
            StaleToken, ExternalSystemUnavailable: as `provision`.
        """
        active = await self._fail_before(None)
        async with transaction(self._pool) as connection:
            await self._fence(connection, subscription_id, token)
        await self._fail_after(active)

    async def find(self, subscription_id: UUID) -> Record | None:
        """Return the record; `None` if there is none."""
        await self._fail_before(None)
        return await self.look(subscription_id)

    async def look(self, subscription_id: UUID) -> Record | None:
        """Return the record, or `None`, unaffected by faults."""
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(
                """
                SELECT record_id, attributes
                FROM records
                WHERE subscription_id = $1 AND attributes IS NOT NULL
                """,
                subscription_id,
            )
        return None if row is None else _record(row)

    async def records(self) -> dict[UUID, Record]:
        """Return all records, by subscription."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT subscription_id, record_id, attributes FROM records WHERE attributes IS NOT NULL"
            )
        return {row["subscription_id"]: _record(row) for row in rows}

    async def changes(self) -> list[Change]:
        """Return all changes, in order."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT subscription_id, token, attributes FROM changes ORDER BY change_id"
            )
        return [
            Change(
                subscription_id=row["subscription_id"],
                token=row["token"],
                attributes=None if row["attributes"] is None else from_json(row["attributes"]),
            )
            for row in rows
        ]

    async def count(self) -> int:
        """Return the number of records."""
        async with self._pool.acquire() as connection:
            count: int = await connection.fetchval(
                "SELECT count(*) FROM records WHERE attributes IS NOT NULL"
            )
        return count

    async def order(self, fault: Fault) -> Self:
        """Inject a fault."""
        async with self._pool.acquire() as connection:
            await insert_fault(connection, fault)
        return self

    async def faults(self) -> list[Fault]:
        """Return the active faults."""
        async with self._pool.acquire() as connection:
            return await list_faults(connection)

    async def clear_faults(self) -> None:
        """Remove all faults."""
        async with self._pool.acquire() as connection:
            await delete_faults(connection)

    async def _fence(self, connection: Connection, subscription_id: UUID, token: int) -> None:
        # Inserts the row if there is none, and locks it: two calls for one subscription take turns.
        seen = await connection.fetchval(
            """
            INSERT INTO records (subscription_id, token) VALUES ($1, $2)
            ON CONFLICT ON CONSTRAINT records_pkey DO UPDATE
            SET token = greatest(records.token, EXCLUDED.token)
            RETURNING token
            """,
            subscription_id,
            token,
        )
        if token < seen:
            raise StaleToken(f"{self.name} has seen token {seen} for {subscription_id}; refuses {token}")

    async def _fail_before(self, attributes: Attributes | None) -> set[FaultKind]:
        """Apply the faults that come before the work; return the kinds that are active.

        Args:
            attributes: `None` for a call that changes nothing.
        """
        async with self._pool.acquire() as connection:
            active = await active_kinds(connection)
        if "slow" in active and (slow := await self._struck("slow")) is not None:
            await asyncio.sleep(slow.seconds or 0)
        if "unreachable" in active and await self._struck("unreachable") is not None:
            raise ExternalSystemUnavailable(f"{self.name} cannot be reached")
        if attributes is not None and "reject" in active:
            await self._reject([value for value in attributes.values() if isinstance(value, str)])
        return active

    async def _reject(self, names: Sequence[str]) -> None:
        if (reject := await self._struck("reject", names)) is not None:
            rejected = names if reject.name is None else [reject.name]
            raise RequestRejected(f"{self.name} rejects {', '.join(map(repr, rejected)) or 'the request'}")

    async def _fail_after(self, active: set[FaultKind]) -> None:
        if "answer lost" in active and await self._struck("answer lost") is not None:
            raise ExternalSystemUnavailable(f"{self.name} did not answer in time")

    async def _struck(self, kind: FaultKind, names: Sequence[str] = ()) -> Fault | None:
        async with self._pool.acquire() as connection:
            return await strike(connection, kind, names)


def _record(row: asyncpg.Record) -> Record:
    return Record(record_id=row["record_id"], attributes=from_json(row["attributes"]))
