"""The faults that a fake external system has been ordered to have."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from orchestrator.database.connection import Connection

FaultKind = Literal["slow", "unreachable", "answer lost", "reject"]


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


async def insert_fault(connection: Connection, fault: Fault) -> None:
    """Order a fault."""
    await connection.execute(
        "INSERT INTO faults (kind, name, seconds, times) VALUES ($1, $2, $3, $4)",
        fault.kind,
        fault.name,
        fault.seconds,
        fault.times,
    )


async def list_faults(connection: Connection) -> list[Fault]:
    """Return the faults that are in force, oldest first."""
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


async def strike(connection: Connection, kind: FaultKind, names: Sequence[str]) -> Fault | None:
    """Use up one call of the oldest fault in force of this kind, and return it; `None` if there is none.

    Args:
        names: that the call is about; a fault for another name does not strike it.
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
