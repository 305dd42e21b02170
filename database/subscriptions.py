"""Queries on subscriptions, their products and their relations."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from pydantic_core import from_json

from database.connection import Connection
from products.errors import ProductNotFound
from products.gate import Subject, SubscriptionNotFound
from products.subscription import Status, SubscriptionModel

# A subscription with its product; what follows says which, and whether to lock it.
_SELECT = """
    SELECT s.subscription_id, s.customer_id, s.description, s.status, s.insync, s.held_by,
           s.discrepancy_found_by, s.start_date, s.end_date, s.note, s.version, s.fence, s.block,
           p.name, p.product_type, p.tag, p.description AS product_description
    FROM subscriptions s
    JOIN products p USING (product_id)
"""


@dataclass(frozen=True)
class Stored:
    """A subscription as it stands in the database."""

    subscription: SubscriptionModel
    fence: int
    """The fencing token that calls to an external system carry now."""


async def find_product(connection: Connection, product: str) -> tuple[UUID, str]:
    """Return the id and the type of the product with this name or UUID.

    Raises:
        ProductNotFound: when there is none; names those that there are.
    """
    rows = await connection.fetch("SELECT product_id, name, product_type FROM products ORDER BY name")
    for row in rows:
        if product == row["name"] or product.lower() == str(row["product_id"]):
            return row["product_id"], row["product_type"]
    raise ProductNotFound(product, [row["name"] for row in rows])


async def insert_subscription(
    connection: Connection, product_id: UUID, subscription: SubscriptionModel, at: datetime
) -> None:
    """Store a virgin subscription, with the first fencing token.

    Raises:
        asyncpg.UniqueViolationError: (subscriptions_pkey) when it exists.
    """
    await connection.execute(
        """
        INSERT INTO subscriptions (
            subscription_id, product_id, customer_id, description, status, held_by, version, fence, block,
            created_at
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9)
        """,
        subscription.subscription_id,
        product_id,
        subscription.customer_id,
        subscription.description,
        subscription.status,
        subscription.held_by,
        subscription.version,
        subscription.block.model_dump_json(),
        at,
    )


async def read_subscription(connection: Connection, subscription_id: UUID) -> Stored | None:
    """Return the subscription as it is, or `None` where there is none."""
    row = await connection.fetchrow(_SELECT + "WHERE s.subscription_id = $1", subscription_id)
    return None if row is None else stored_subscription(row)


async def lock_subscription(connection: Connection, subscription_id: UUID) -> Stored | None:
    """Return the subscription as it is, locked until the transaction ends, or `None` where there is none."""
    # FOR NO KEY UPDATE: others may go on referring to it.
    row = await connection.fetchrow(
        _SELECT + "WHERE s.subscription_id = $1 FOR NO KEY UPDATE OF s", subscription_id
    )
    return None if row is None else stored_subscription(row)


async def read_subject(connection: Connection, subscription_id: UUID) -> Subject:
    """Return the subscription with all that it is related to, as they are now.

    Raises:
        SubscriptionNotFound: when there is none.
    """
    in_use_by, depends_on = await relations(connection, subscription_id)
    rows = await connection.fetch(
        _SELECT + "WHERE s.subscription_id = ANY ($1::uuid[]) ORDER BY s.subscription_id",
        [subscription_id, *in_use_by, *depends_on],
    )
    return _subject(rows, subscription_id, in_use_by, depends_on)


async def lock_subject(connection: Connection, subscription_id: UUID) -> Subject:
    """Return the subscription with all that it is related to, locked until the transaction ends.

    The rows are locked in the order of their ids, so that no two processes wait for each other; where the
    relations have changed meanwhile, the locks are given back and it starts again.

    Raises:
        SubscriptionNotFound: when there is none.
    """
    while True:
        with suppress(_RelationsChanged):
            async with connection.transaction():
                before = await relations(connection, subscription_id)
                rows = await connection.fetch(
                    _SELECT
                    + "WHERE s.subscription_id = ANY ($1::uuid[]) ORDER BY s.subscription_id "
                    + "FOR NO KEY UPDATE OF s",
                    [subscription_id, *before[0], *before[1]],
                )
                if await relations(connection, subscription_id) != before:
                    raise _RelationsChanged
                return _subject(rows, subscription_id, *before)


class _RelationsChanged(Exception):
    """Rolls back to the savepoint, which gives the locks back."""


def _subject(
    rows: Sequence[asyncpg.Record], subscription_id: UUID, in_use_by: list[UUID], depends_on: list[UUID]
) -> Subject:
    found = {row["subscription_id"]: stored_subscription(row).subscription for row in rows}
    if subscription_id not in found:
        raise SubscriptionNotFound(subscription_id)
    return Subject(
        found[subscription_id], [found[one] for one in in_use_by], [found[one] for one in depends_on]
    )


async def update_subscription(connection: Connection, subscription: SubscriptionModel) -> None:
    """Store what may change of a subscription."""
    await connection.execute(
        """
        UPDATE subscriptions
        SET description = $2, status = $3, held_by = $4, discrepancy_found_by = $5, start_date = $6,
            end_date = $7, note = $8, version = $9, block = $10
        WHERE subscription_id = $1
        """,
        subscription.subscription_id,
        subscription.description,
        subscription.status,
        subscription.held_by,
        subscription.discrepancy_found_by,
        subscription.start_date,
        subscription.end_date,
        subscription.note,
        subscription.version,
        subscription.block.model_dump_json(),
    )


async def raise_fence(connection: Connection, subscription_id: UUID) -> int:
    """Return the next fencing token: from now on, external systems refuse the earlier ones."""
    fence: int = await connection.fetchval(
        """
        UPDATE subscriptions
        SET fence = fence + 1
        WHERE subscription_id = $1
        RETURNING fence
        """,
        subscription_id,
    )
    return fence


async def relations(connection: Connection, subscription_id: UUID) -> tuple[list[UUID], list[UUID]]:
    """Return which subscriptions this one is in use by, and which it depends on, in order of their ids."""
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


async def list_subscriptions(
    connection: Connection,
    *,
    status: Status | None = None,
    product: str | None = None,
    out_of_sync: bool = False,
    limit: int = 50,
    after: UUID | None = None,
) -> list[SubscriptionModel]:
    """Return subscriptions, oldest first.

    Args:
        status: only those with this status; `None` means any.
        product: only those on the product of this name.
        out_of_sync: only those that are out of sync.
        limit: at most so many.
        after: only those that come after this one in the list; an unknown id gives none.
    """
    rows = await connection.fetch(
        _SELECT  # noqa: S608  # constants both
        + """
        WHERE ($1::text IS NULL OR s.status = $1)
          AND ($2::text IS NULL OR p.name = $2)
          AND (NOT $3 OR NOT s.insync)
          AND (
              $4::uuid IS NULL
              OR (s.created_at, s.subscription_id)
                 > (SELECT a.created_at, a.subscription_id FROM subscriptions a WHERE a.subscription_id = $4)
          )
        ORDER BY s.created_at, s.subscription_id
        LIMIT $5
        """,
        status,
        product,
        out_of_sync,
        after,
        limit,
    )
    return [stored_subscription(row).subscription for row in rows]


def stored_subscription(row: asyncpg.Record) -> Stored:
    """Build the model from a row that has the columns of a subscription and of its product."""
    status = Status(row["status"])
    model = SubscriptionModel.stage(row["product_type"], status)
    fields = {name: row[name] for name in SubscriptionModel.model_fields if name != "product"}
    product = {
        "name": row["name"],
        "type": row["product_type"],
        "tag": row["tag"],
        "description": row["product_description"],
    }
    subscription = model.model_validate(
        fields | {"status": status, "product": product, model.block_name: from_json(row["block"])}
    )
    return Stored(subscription, row["fence"])
