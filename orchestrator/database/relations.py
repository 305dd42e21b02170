"""Queries on how subscriptions depend on each other, and the locks that the in-sync gate needs."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import asyncpg

from orchestrator.database import processes
from orchestrator.database.connection import Connection
from orchestrator.database.subscriptions import (
    Stored,
    lock_subscriptions,
    read_subscriptions,
    update_subscription,
)
from orchestrator.domain.gate import Join, Related, Subject, SubscriptionNotFound
from orchestrator.domain.subscription import Status, SubscriptionModel

# What the gate needs to know of subscriptions, in the order in which they are locked.
_RELATED = """
    SELECT subscription_id, description, status, held_by, discrepancy_found_by
    FROM subscriptions
    WHERE subscription_id = ANY ($1::uuid[])
    ORDER BY subscription_id
"""

Joined = Mapping[UUID, str]
"""Subscriptions that another one is about to depend on, each with its required product type."""


def joined_by(product_type: str, values: Mapping[str, Any]) -> Joined:
    """Return the subscriptions that these values of a block refer to."""
    references = SubscriptionModel.stage(product_type, Status.ACTIVE).block_class().references()
    return {
        UUID(values[name]): reference.product_type
        for name, reference in references.items()
        if values.get(name) is not None
    }


async def relations(connection: Connection, subscription_id: UUID) -> tuple[list[UUID], list[UUID]]:
    """Return the subscriptions that use this one, and those that it depends on, each in order of id."""
    rows = await connection.fetch(
        """
        SELECT subscription_id, depends_on
        FROM subscription_relations
        WHERE subscription_id = $1 OR depends_on = $1
        ORDER BY subscription_id, depends_on
        """,
        subscription_id,
    )
    in_use_by = [row["subscription_id"] for row in rows if row["depends_on"] == subscription_id]
    depends_on = [row["depends_on"] for row in rows if row["subscription_id"] == subscription_id]
    return in_use_by, depends_on


async def all_relations(
    connection: Connection, ids: Sequence[UUID]
) -> dict[UUID, tuple[list[UUID], list[UUID]]]:
    """Return the relations of each of these subscriptions, without those that use it and are terminated.

    The gate ignores those; `relations` returns them, too, because they are locked as well.
    """
    rows = await connection.fetch(
        """
        SELECT r.subscription_id, r.depends_on,
               (
                   SELECT u.status = 'terminated'
                   FROM subscriptions u
                   WHERE u.subscription_id = r.subscription_id
               ) AS is_over
        FROM subscription_relations r
        WHERE r.subscription_id = ANY ($1::uuid[]) OR r.depends_on = ANY ($1::uuid[])
        ORDER BY r.subscription_id, r.depends_on
        """,
        ids,
    )
    related: dict[UUID, tuple[list[UUID], list[UUID]]] = {one: ([], []) for one in ids}
    for user, needed, is_over in rows:
        if needed in related and not is_over:
            related[needed][0].append(user)
        if user in related:
            related[user][1].append(needed)
    return related


async def read_subject(
    connection: Connection, subscription_id: UUID, joined: Joined | None = None
) -> Subject:
    """Return the subscription with its relations, and with those that it is about to depend on.

    Raises:
        SubscriptionNotFound: when there is no subscription with this id.
    """
    related = await relations(connection, subscription_id)
    rows = await connection.fetch(_RELATED, [*related[0], *related[1]])
    return await _subject(connection, subscription_id, related, rows, joined or {})


async def lock_subject(connection: Connection, subscription_id: UUID, joined: Joined) -> Subject:
    """Lock the subscription, its relations, and those that it is about to depend on; return all of them.

    The locks last until the transaction ends. Rows are locked in order of id, so that no two processes wait
    for each other. If the relations changed meanwhile, this releases the locks and starts again.

    Raises:
        SubscriptionNotFound: when there is no subscription with this id.
    """
    while True:
        with suppress(_RelationsChanged):
            async with connection.transaction():
                before = await relations(connection, subscription_id)
                concerned = [subscription_id, *before[0], *before[1], *joined]
                rows = await connection.fetch(_RELATED + "FOR NO KEY UPDATE", concerned)
                if await relations(connection, subscription_id) != before:
                    raise _RelationsChanged
                return await _subject(connection, subscription_id, before, rows, joined)


async def read_joins(connection: Connection, joined: Joined) -> list[Join]:
    """Return the subscriptions that another one is about to depend on."""
    return _joins(await read_subscriptions(connection, list(joined)), joined)


async def lock_joins(connection: Connection, joined: Joined) -> list[Join]:
    """Lock the subscriptions that another one is about to depend on; return them."""
    if not joined:
        return []
    return _joins(await lock_subscriptions(connection, list(joined)), joined)


async def relate(connection: Connection, subscription_id: UUID, joins: Sequence[Join]) -> None:
    """Store that the subscription depends on these, which the caller has locked. Earlier relations stay."""
    if not joins:
        return
    await connection.executemany(
        """
        INSERT INTO subscription_relations (subscription_id, depends_on)
        VALUES ($1, $2)
        ON CONFLICT ON CONSTRAINT subscription_relations_pkey DO NOTHING
        """,
        [(subscription_id, join.subscription_id) for join in joins],
    )


async def release_subscription(connection: Connection, unlocked: SubscriptionModel) -> None:
    """Store a subscription that was unlocked; delete its relations to what it no longer refers to."""
    await update_subscription(connection, unlocked)
    if unlocked.block.references():
        await connection.execute(
            """
            DELETE FROM subscription_relations
            WHERE subscription_id = $1 AND depends_on <> ALL ($2::uuid[])
            """,
            unlocked.subscription_id,
            list(unlocked.block.owners().values()),
        )


async def let_go(
    connection: Connection, subscription: SubscriptionModel, process_id: str
) -> SubscriptionModel:
    """Unlock a subscription that this process holds; return it as it is now stored.

    The version grows by 1 if the process changed values or status, unless the process created it.
    """
    unlocked = subscription.released()
    before = await processes.read_before_image(connection, process_id)
    if before is not None and unlocked.differs_from(before):
        unlocked = unlocked.of_version(before.version + 1)
    await release_subscription(connection, unlocked)
    return unlocked


class _RelationsChanged(Exception):
    """Rolls back to the savepoint, which releases the locks."""


async def _subject(
    connection: Connection,
    subscription_id: UUID,
    related: tuple[list[UUID], list[UUID]],
    rows: Sequence[asyncpg.Record],
    joined: Joined,
) -> Subject:
    # A separate statement: it sees what others committed before these rows were locked.
    found = await read_subscriptions(connection, [subscription_id, *joined])
    if subscription_id not in found:
        raise SubscriptionNotFound(subscription_id)
    of_id = {row["subscription_id"]: _related(row) for row in rows}
    in_use_by, depends_on = ([of_id[one] for one in ids] for ids in related)
    return Subject(found[subscription_id].subscription, in_use_by, depends_on, _joins(found, joined))


def _related(row: asyncpg.Record) -> Related:
    return Related(
        row["subscription_id"],
        row["description"],
        Status(row["status"]),
        row["held_by"],
        row["discrepancy_found_by"],
    )


def _joins(found: Mapping[UUID, Stored], joined: Joined) -> list[Join]:
    subscriptions = {one: stored.subscription for one, stored in found.items()}
    return [Join(one, product_type, subscriptions.get(one)) for one, product_type in joined.items()]
