"""A fake external system that behaves like a real one: keeps its own state, fences, and fails to order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal, Self
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic_core import from_json, to_json

from orchestrator.database.connection import Connection, Pool, open_pool, transaction
from orchestrator.domain.errors import RequestRejected, StaleToken
from services.errors import ExternalSystemUnavailable

Attributes = dict[str, JsonValue]
FaultKind = Literal["slow", "unreachable", "answer lost", "reject"]


class Record(BaseModel):
    """One thing that the system administers."""

    model_config = ConfigDict(frozen=True)

    record_id: int
    attributes: Attributes


class Change(BaseModel):
    """One thing that has really changed: a call that was repeated and found its work done is none."""

    model_config = ConfigDict(frozen=True)

    subscription_id: UUID
    token: int
    """The fencing token of the call that has changed it."""
    attributes: Attributes | None
    """`None` where it was removed."""


class Fault(BaseModel):
    """A misbehaviour to order; it lasts until it has struck `times` calls, or is cleared."""

    model_config = ConfigDict(frozen=True)

    kind: FaultKind
    name: str | None = None
    """For `reject`: only requests for this name; `None` means all."""
    seconds: float | None = None
    """For `slow`: how long a call takes."""
    times: int | None = None
    """How many calls it strikes; `None` means all, until it is cleared."""


@asynccontextmanager
async def open_fake_system(database_url: str, name: str) -> AsyncIterator["FakeSystem"]:
    """Connect to a fake that `services.fake_schema` made, in its own role, schema and pool."""
    pool = await open_pool(database_url, size=4, server_settings={"role": name, "search_path": name})
    try:
        yield FakeSystem(name, pool)
    finally:
        await pool.close()


class FakeSystem:
    """Records by subscription id, under fencing tokens, with faults to order."""

    def __init__(self, name: str, pool: Pool) -> None:
        self.name = name
        self._pool = pool

    async def provision(self, subscription_id: UUID, attributes: Attributes, *, token: int) -> Record:
        """Make the record, or return the one that is there.

        Raises:
            RequestRejected: when it was removed, or a fault says so.
            StaleToken: when a higher token was seen.
            ExternalSystemUnavailable: when a fault says so.
        """
        await self._fail_before(attributes)
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
        await self._fail_after()
        return _record(row)

    async def modify(self, subscription_id: UUID, attributes: Attributes, *, token: int) -> Record:
        """Give the record other attributes.

        Raises:
            RequestRejected: when there is no such record, or a fault says so.
            StaleToken, ExternalSystemUnavailable: as `provision`.
        """
        await self._fail_before(attributes)
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
        await self._fail_after()
        return _record(row)

    async def tamper(self, subscription_id: UUID, attributes: Attributes | None) -> None:
        """Change the record behind everybody's back; `None` loses it."""
        await self._pool.execute(
            "UPDATE records SET attributes = $2 WHERE subscription_id = $1",
            subscription_id,
            None if attributes is None else to_json(attributes).decode(),
        )

    async def deprovision(self, subscription_id: UUID, *, token: int) -> None:
        """Remove the record and leave a tombstone, also where none was.

        Raises:
            StaleToken, ExternalSystemUnavailable: as `provision`.
        """
        await self._fail_before({})
        async with transaction(self._pool) as connection:
            await self._fence(connection, subscription_id, token)
            await connection.execute(
                "UPDATE records SET attributes = NULL, removed = true WHERE subscription_id = $1",
                subscription_id,
            )
        await self._fail_after()

    async def fence(self, subscription_id: UUID, *, token: int) -> None:
        """Remember the token, so that a call with a lower one is refused.

        Raises:
            StaleToken, ExternalSystemUnavailable: as `provision`.
        """
        await self._fail_before(None)
        async with transaction(self._pool) as connection:
            await self._fence(connection, subscription_id, token)
        await self._fail_after()

    async def find(self, subscription_id: UUID) -> Record | None:
        """Return the record, or `None` where there is none."""
        await self._fail_before(None)
        return await self.look(subscription_id)

    async def look(self, subscription_id: UUID) -> Record | None:
        """Return the record, or `None`, behind everybody's back: no fault strikes."""
        row = await self._pool.fetchrow(
            "SELECT record_id, attributes FROM records WHERE subscription_id = $1 AND attributes IS NOT NULL",
            subscription_id,
        )
        return None if row is None else _record(row)

    async def records(self) -> dict[UUID, Record]:
        """Return everything that there is, by subscription."""
        rows = await self._pool.fetch(
            "SELECT subscription_id, record_id, attributes FROM records WHERE attributes IS NOT NULL"
        )
        return {row["subscription_id"]: _record(row) for row in rows}

    async def changes(self) -> list[Change]:
        """Return everything that has changed, in order."""
        rows = await self._pool.fetch(
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
        """Return how many records there are."""
        count: int = await self._pool.fetchval("SELECT count(*) FROM records WHERE attributes IS NOT NULL")
        return count

    async def order(self, fault: Fault) -> Self:
        """Misbehave from now on."""
        await self._pool.execute(
            "INSERT INTO faults (kind, name, seconds, times) VALUES ($1, $2, $3, $4)",
            fault.kind,
            fault.name,
            fault.seconds,
            fault.times,
        )
        return self

    async def faults(self) -> list[Fault]:
        """Return the faults that are in force."""
        rows = await self._pool.fetch(
            """
            SELECT kind, name, seconds, times
            FROM faults
            WHERE times IS NULL OR times > 0
            ORDER BY fault_id
            """
        )
        return [Fault.model_validate(dict(row)) for row in rows]

    async def clear_faults(self) -> None:
        """Behave from now on."""
        await self._pool.execute("DELETE FROM faults")

    async def _fence(self, connection: Connection, subscription_id: UUID, token: int) -> None:
        # Makes the row where there is none, and locks it: two calls for one subscription take turns.
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

    async def _fail_before(self, attributes: Attributes | None) -> None:
        """Fail to order before the work is done; `None` for a call that changes nothing."""
        if (slow := await self._struck("slow")) is not None:
            await asyncio.sleep(slow.seconds or 0)
        if await self._struck("unreachable") is not None:
            raise ExternalSystemUnavailable(f"{self.name} cannot be reached")
        if attributes is None:
            return
        names = [value for value in attributes.values() if isinstance(value, str)]
        if (reject := await self._struck("reject", names)) is not None:
            rejected = names if reject.name is None else [reject.name]
            raise RequestRejected(f"{self.name} rejects {', '.join(map(repr, rejected)) or 'the request'}")

    async def _fail_after(self) -> None:
        if await self._struck("answer lost") is not None:
            raise ExternalSystemUnavailable(f"{self.name} did not answer in time")

    async def _struck(self, kind: FaultKind, names: Sequence[str] = ()) -> Fault | None:
        row = await self._pool.fetchrow(
            """
            UPDATE faults
            SET times = times - 1
            WHERE fault_id = (
                SELECT fault_id
                FROM faults
                WHERE kind = $1 AND (name IS NULL OR name = ANY ($2::text[])) AND (times IS NULL OR times > 0)
                ORDER BY fault_id
                LIMIT 1
                FOR UPDATE
            )
            RETURNING kind, name, seconds, times
            """,
            kind,
            names,
        )
        return None if row is None else Fault.model_validate(dict(row))


def _record(row: asyncpg.Record) -> Record:
    return Record(record_id=row["record_id"], attributes=from_json(row["attributes"]))
