"""Queries on what opens each external system."""

from collections.abc import Mapping

from orchestrator.database.connection import Connection


async def store_openers(connection: Connection, openers: Mapping[str, str]) -> None:
    """Store what opens each external system, in place of what opened it before. Idempotent.

    Args:
        openers: `module:function` by the name of the system.
    """
    await connection.executemany(
        """
        INSERT INTO external_systems (name, opened_by)
        VALUES ($1, $2)
        ON CONFLICT ON CONSTRAINT external_systems_pkey DO UPDATE
        SET opened_by = EXCLUDED.opened_by
        """,
        sorted(openers.items()),  # two workers that start at once lock the rows in the same order
    )


async def read_opener(connection: Connection, name: str) -> str | None:
    """Return what opens this external system in the worker that started last; `None` if none has started."""
    opened_by: str | None = await connection.fetchval(
        "SELECT opened_by FROM external_systems WHERE name = $1", name
    )
    return opened_by
