"""Queries that find what a person means by a part of its id, or by its description."""

import re
from uuid import UUID

from orchestrator.database.connection import Connection

LAST = "\U0010ffff"
"""The last character: no id continues with it."""


async def find_subscriptions(connection: Connection, text: str, limit: int) -> list[UUID]:
    """Return the subscriptions whose id begins with this text, or whose description is this text.

    Args:
        limit: number of ids to find at most by each of the two.
    """
    first, last = range_of(text)
    rows = await connection.fetch(
        """
        WITH begins AS (
            SELECT subscription_id
            FROM subscriptions
            WHERE subscription_id BETWEEN $1 AND $2
            ORDER BY subscription_id
            LIMIT $4
        ), described AS (
            SELECT subscription_id FROM subscriptions WHERE description = $3 LIMIT $4
        )
        SELECT subscription_id FROM begins
        UNION
        SELECT subscription_id FROM described
        ORDER BY subscription_id
        """,
        first,
        last,
        text,
        limit,
    )
    return [row["subscription_id"] for row in rows]


async def find_processes(connection: Connection, text: str, limit: int) -> list[str]:
    """Return the processes whose id, or the random part of whose id, begins with this text.

    Args:
        limit: number of ids to find at most by each of the two.
    """
    rows = await connection.fetch(
        """
        WITH begins AS (
            SELECT process_id
            FROM processes
            WHERE process_id COLLATE "C" BETWEEN $1 AND $2
            ORDER BY process_id COLLATE "C"
            LIMIT $3
        ), begins_randomly AS (
            SELECT process_id
            FROM processes
            WHERE right(process_id, 36) COLLATE "C" BETWEEN $1 AND $2
            ORDER BY right(process_id, 36) COLLATE "C"
            LIMIT $3
        )
        SELECT process_id FROM begins
        UNION
        SELECT process_id FROM begins_randomly
        ORDER BY process_id
        """,
        text,
        text + LAST,
        limit,
    )
    return [row["process_id"] for row in rows]


def range_of(beginning: str) -> tuple[UUID, UUID] | tuple[None, None]:
    """Return the first and the last UUID that begins so; `None` if none does."""
    text = beginning.lower()
    digits = text.replace("-", "")
    if not re.fullmatch("[0-9a-f]{1,32}", digits):
        return None, None
    first, last = (UUID(digits.ljust(32, digit)) for digit in "0f")
    return (first, last) if str(first).startswith(text) or text == digits else (None, None)
