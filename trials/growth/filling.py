"""Fill a migrated database with subscriptions, three processes of each, and their ledger rows.

Every block of 1,000 subscriptions is alike: 20 groups, and users of whom the first group has 225 and the last
one 25. So a database with more blocks is larger, but not different.
"""

import hashlib
from collections.abc import Callable
from uuid import UUID

from orchestrator.database.connection import connect
from trials.growth import making_processes, making_subscriptions

BLOCK = 1000
"""Subscriptions of a block."""
AT_ONCE = 20
"""Blocks that one transaction inserts."""

PREPARE = (
    "SET synchronous_commit = off",
    "SET session_replication_role = replica",  # checks no foreign keys: they hold by construction
)
FINISH = ("VACUUM (ANALYZE)", "CHECKPOINT")


def subscription_id(number: int) -> UUID:
    """Return the id of the subscription with this number, starting at 0."""
    return _made_from(f"subscription {number}")


def process_id(workflow: str, number: int, turn: int) -> str:
    """Return the id of a process: the first (1), second (2) or third (3) on the subscription."""
    return f"{workflow}-{_made_from(f'process {number} {turn}')}"


def _made_from(text: str) -> UUID:
    return UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


async def fill(database_url: str, blocks: int, say: Callable[[str], None] = lambda _: None) -> None:
    """Insert so many blocks into a migrated database without subscriptions, then vacuum and analyze it.

    Args:
        database_url: URL of a superuser.
        say: is told how far it is, in one line.
    """
    connection = await connect(database_url)
    try:
        for setting in PREPARE:
            await connection.execute(setting)
        await making_subscriptions.create_tables(connection)
        await making_processes.create_tables(connection)
        for first in range(0, blocks, AT_ONCE):
            last = min(first + AT_ONCE, blocks)
            async with connection.transaction():
                await making_subscriptions.insert(connection, first * BLOCK, last * BLOCK - 1)
                await making_processes.insert(connection)
            say(f"{last * BLOCK:,} of {blocks * BLOCK:,} subscriptions")
        for statement in FINISH:
            await connection.execute(statement)
    finally:
        await connection.close()
