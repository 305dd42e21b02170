"""Queries on subscriptions and their products."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import BaseModel, JsonValue
from pydantic_core import from_json, to_json

from orchestrator.database.connection import Connection, planned_for_values
from orchestrator.database.filters import SubscriptionFilter
from orchestrator.database.subscription_search import Rows, search_subscriptions
from orchestrator.domain.errors import ProductNotFound
from orchestrator.domain.gate import SubscriptionNotFound
from orchestrator.domain.subscription import Status, SubscriptionModel

# Selects subscriptions with their products; each query adds its condition, and whether to lock the rows.
_SELECT = """
    SELECT s.subscription_id, s.customer_id, s.description, s.status, s.insync, s.held_by,
           s.discrepancy_found_by, s.start_date, s.end_date, s.note, s.version, s.fence, s.block,
           p.name, p.product_type, p.tag, p.description AS product_description, p.fixed_inputs
    FROM subscriptions s
    JOIN products p USING (product_id)
"""

# The ids of a page: the first of each product and status, which an index has in the order of the list,
# merged. So a page takes the same time for every filter and any number of rows.
_PAGE = """
    WITH page AS (
        SELECT first.created_at, first.subscription_id
        FROM products p
        CROSS JOIN unnest($1::text[]) AS wanted (status)
        CROSS JOIN LATERAL (
            SELECT s.created_at, s.subscription_id
            FROM subscriptions s
            WHERE s.product_id = p.product_id
              AND s.status = wanted.status
              AND (NOT $3 OR NOT s.insync)
              AND (
                  $4::uuid IS NULL
                  OR (s.created_at, s.subscription_id) < (
                      SELECT a.created_at, a.subscription_id FROM subscriptions a WHERE a.subscription_id = $4
                  )
              )
            ORDER BY s.created_at DESC, s.subscription_id DESC
            LIMIT $5
        ) AS first
        WHERE $2::text IS NULL OR p.name = $2
        ORDER BY first.created_at DESC, first.subscription_id DESC
        LIMIT $5
    )
"""


@dataclass(frozen=True)
class Stored:
    """A subscription with its fencing token, as stored."""

    subscription: SubscriptionModel
    fence: int
    """Fencing token of its calls to the external system; it only grows."""


async def find_product(connection: Connection, product: str, product_type: str | None) -> tuple[UUID, str]:
    """Return the id and the type of the product with this name or UUID.

    Args:
        product_type: required product type; `None` accepts any.

    Raises:
        ProductNotFound: when there is none; the message names those that exist.
    """
    rows = await connection.fetch(
        """
        SELECT product_id, name, product_type
        FROM products
        WHERE $1::text IS NULL OR product_type = $1
        ORDER BY name
        """,
        product_type,
    )
    for row in rows:
        if product == row["name"] or product.lower() == str(row["product_id"]):
            return row["product_id"], row["product_type"]
    raise ProductNotFound(product, [row["name"] for row in rows])


async def insert_subscription(
    connection: Connection, product_id: UUID, subscription: SubscriptionModel, at: datetime
) -> None:
    """Store a new subscription with fencing token 1.

    Raises:
        asyncpg.UniqueViolationError: when it exists (constraint `subscriptions_pkey`).
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
        to_json(subscription.block.own_values()).decode(),
        at,
    )


async def read_subscription(connection: Connection, subscription_id: UUID) -> Stored | None:
    """Return the subscription, or `None` if there is none."""
    return (await read_subscriptions(connection, [subscription_id])).get(subscription_id)


async def lock_subscription(connection: Connection, subscription_id: UUID) -> Stored | None:
    """Lock the subscription until the transaction ends; return it, or `None` if there is none."""
    return (await lock_subscriptions(connection, [subscription_id])).get(subscription_id)


async def read_subscriptions(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Stored]:
    """Return those of these subscriptions that exist, by id."""
    rows = await connection.fetch(_SELECT + "WHERE s.subscription_id = ANY ($1::uuid[])", ids)
    return await _stored(connection, rows)


async def lock_subscriptions(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Stored]:
    """Lock those of these subscriptions that exist, in order of id; return them by id."""
    # FOR NO KEY UPDATE: others may still insert rows that refer to them.
    rows = await connection.fetch(
        _SELECT
        + "WHERE s.subscription_id = ANY ($1::uuid[]) ORDER BY s.subscription_id FOR NO KEY UPDATE OF s",
        ids,
    )
    return await _stored(connection, rows)


async def update_subscription(connection: Connection, subscription: SubscriptionModel) -> None:
    """Store what a process may change of a subscription; values of a newer release stay in its block.

    The note stays: people change it at any moment, also while a process works.
    """
    await connection.execute(
        """
        UPDATE subscriptions
        SET description = $2, status = $3, held_by = $4, discrepancy_found_by = $5, start_date = $6,
            end_date = $7, version = $8, block = block || $9
        WHERE subscription_id = $1
        """,
        subscription.subscription_id,
        subscription.description,
        subscription.status,
        subscription.held_by,
        subscription.discrepancy_found_by,
        subscription.start_date,
        subscription.end_date,
        subscription.version,
        to_json(subscription.block.own_values()).decode(),
    )


async def raise_fence(connection: Connection, subscription_id: UUID) -> int:
    """Raise the fencing token by 1; return it. An external system that has seen it refuses lower ones."""
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


async def raise_all_fences(connection: Connection, by: int) -> None:
    """Raise the fencing token of every subscription; this writes each row anew."""
    await connection.execute("UPDATE subscriptions SET fence = fence + $1", by, timeout=3600)


async def list_subscriptions(
    connection: Connection,
    *,
    status: Status | None = None,
    product: str | None = None,
    out_of_sync: bool = False,
    fitting: SubscriptionFilter | None = None,
    limit: int = 50,
    after: UUID | None = None,
) -> list[SubscriptionModel]:
    """Return subscriptions, newest first.

    Args:
        status: only those with this status; `None` means any.
        product: only those on the product with this name; `None` means any.
        out_of_sync: only those that are out of sync.
        fitting: only those that this filter leaves; `None` means any.
        limit: the largest number of subscriptions to return.
        after: only those after this subscription in the list, which are older; an unknown id returns none.

    Raises:
        InvalidInput: if the filter has a text to search for without words.
    """
    async with planned_for_values(connection):
        if fitting:
            which = Rows(status, product, out_of_sync)
            ids = await search_subscriptions(connection, which, fitting, limit=limit, after=after)
            found = await read_subscriptions(connection, ids)
            return [found[one].subscription for one in ids]
        rows = await connection.fetch(
            _PAGE
            + _SELECT
            + "JOIN page USING (subscription_id) ORDER BY page.created_at DESC, page.subscription_id DESC",
            list(Status) if status is None else [status],
            product,
            out_of_sync,
            after,
            limit,
        )
    return [stored.subscription for stored in (await _stored(connection, rows)).values()]


async def resolve_references(
    connection: Connection, kind: type[SubscriptionModel], values: Mapping[str, JsonValue]
) -> dict[str, Any]:
    """Return these values of a block, each reference replaced by the values of the block it refers to.

    Args:
        kind: the class of the subscription that has the block.

    Raises:
        SubscriptionNotFound: when a subscription that they refer to does not exist.
    """
    references = {name: part for name, part in kind.block_class().references().items() if name in values}
    blocks = await _blocks(connection, {UUID(str(values[name])) for name in references})
    return dict(values) | {
        name: _known(part, blocks[UUID(str(values[name]))]) for name, part in references.items()
    }


async def _stored(connection: Connection, rows: Sequence[asyncpg.Record]) -> dict[UUID, Stored]:
    """Return the models of these rows of `_SELECT`, by id, in their order."""
    kinds = [SubscriptionModel.stage(row["product_type"], Status(row["status"])) for row in rows]
    values = [from_json(row["block"]) for row in rows]
    references = [kind.block_class().references() for kind in kinds]
    # A separate statement: one that waited for a lock would see what the others were before it waited.
    blocks = await _blocks(
        connection, {UUID(own[name]) for own, names in zip(values, references, strict=True) for name in names}
    )
    stored = {}
    for row, kind, own, names in zip(rows, kinds, values, references, strict=True):
        referred = {name: _known(part, blocks[UUID(own[name])]) for name, part in names.items()}
        fields = {name: row[name] for name in SubscriptionModel.model_fields if name != "product"}
        product = {
            "name": row["name"],
            "type": row["product_type"],
            "tag": row["tag"],
            "description": row["product_description"],
        }
        block = _known(kind.block_class(), own) | from_json(row["fixed_inputs"]) | referred
        subscription = kind.model_validate(fields | {"product": product, kind.block_name: block})
        stored[row["subscription_id"]] = Stored(subscription, row["fence"])
    return stored


def _known(kind: type[BaseModel], values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    # A newer release may have stored values that this one does not know. `update_subscription` keeps them.
    return {name: value for name, value in values.items() if name in kind.model_fields}


async def _blocks(connection: Connection, owners: set[UUID]) -> dict[UUID, dict[str, JsonValue]]:
    if not owners:
        return {}
    rows = await connection.fetch(
        """
        SELECT s.subscription_id, s.block || p.fixed_inputs AS block
        FROM subscriptions s
        JOIN products p USING (product_id)
        WHERE s.subscription_id = ANY ($1::uuid[])
        """,
        owners,
    )
    blocks = {row["subscription_id"]: from_json(row["block"]) for row in rows}
    for owner in owners - blocks.keys():
        raise SubscriptionNotFound(owner)
    return {owner: block | {"owner_subscription_id": str(owner)} for owner, block in blocks.items()}
