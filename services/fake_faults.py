"""The faults that are injected into a fake external system."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from orchestrator.database.connection import Connection

FaultKind = Literal["slow", "unreachable", "answer lost", "reject"]


class Fault(BaseModel):
    """A fault to inject; it lasts until it has affected `times` calls or is cleared."""

    model_config = ConfigDict(frozen=True)

    kind: FaultKind
    name: str | None = None
    """For `reject`: affects only requests for this name; `None`: all requests."""
    seconds: float | None = None
    """For `slow`: how long a call takes, in seconds."""
    times: int | None = None
    """Number of calls to affect; `None`: all, until it is cleared."""


async def insert_fault(connection: Connection, fault: Fault) -> None:
    """Inject a fault."""
    await connection.execute(
        "INSERT INTO faults (kind, name, seconds, times) VALUES ($1, $2, $3, $4)",
        fault.kind,
        fault.name,
        fault.seconds,
        fault.times,
    )


async def list_faults(connection: Connection) -> list[Fault]:
    """Return the active faults, oldest first."""
    rows = await connection.fetch(
        """
        SELECT kind, name, seconds, times
        FROM faults
        WHERE times IS NULL OR times > 0
        ORDER BY fault_id
        """
    )
    return [Fault.model_validate(dict(row)) for row in rows]


async def delete_faults(connection: Connection) -> None:
    """Delete all faults."""
    await connection.execute("DELETE FROM faults")


async def active_kinds(connection: Connection) -> set[FaultKind]:
    """Return the kinds of the active faults."""
    rows = await connection.fetch("SELECT DISTINCT kind FROM faults WHERE times IS NULL OR times > 0")
    return {row["kind"] for row in rows}


async def strike(connection: Connection, kind: FaultKind, names: Sequence[str]) -> Fault | None:
    """Count one call against the oldest active fault of this kind and return it; `None` if there is none.

    Args:
        names: the names in the call; a fault for another name does not affect it.
    """
    row = await connection.fetchrow(
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
