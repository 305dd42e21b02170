"""Search subscriptions by what few of them may have; find their ids, newest first.

As `process_search` does: first this walks through the newest ones, then it asks the indexes.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple
from uuid import UUID

from orchestrator.database.connection import Connection
from orchestrator.database.filters import (
    COMMON,
    SAMPLE,
    SubscriptionFilter,
    prefixes,
    query,
    rare_words,
    walk,
)

SETTINGS = (
    "SET LOCAL enable_seqscan = off",
    "SET LOCAL work_mem = '64MB'",  # to note rows; else PostgreSQL notes pages, and reads them again
)


class Rows(NamedTuple):
    """Which subscriptions fit, apart from the words of a search; `None` means any."""

    status: str | None
    product: str | None
    out_of_sync: bool


# A filter that is `NULL` is left out when PostgreSQL plans the statement for its values.
_FITS = """
        ($1::text IS NULL OR s.status = $1)
        AND ($2::text IS NULL OR s.product_id = (SELECT product_id FROM products WHERE name = $2))
        AND (NOT $3::boolean OR NOT s.insync)
        AND ($4::uuid IS NULL OR s.customer_id = $4)
        AND ($5::text IS NULL OR NOT s.insync AND s.held_by = $5)
        AND ($6::timestamptz IS NULL OR s.created_at AT TIME ZONE 'UTC' >= $6 AT TIME ZONE 'UTC')
        AND (
            $7::timestamptz IS NULL
            OR (s.created_at AT TIME ZONE 'UTC', s.subscription_id) < ($7 AT TIME ZONE 'UTC', $8::uuid)
        )
"""

_BEGIN = "SELECT s.subscription_id FROM ("

# The index of all has the order of an expression, so that no other statement takes it for its own.
_ALL = """
        SELECT w.*, w.created_at AT TIME ZONE 'UTC' AS place
        FROM subscriptions w
        WHERE ($6::timestamptz IS NULL OR w.created_at AT TIME ZONE 'UTC' >= $6 AT TIME ZONE 'UTC')
          AND (
              $7::timestamptz IS NULL
              OR (w.created_at AT TIME ZONE 'UTC', w.subscription_id) < ($7 AT TIME ZONE 'UTC', $8::uuid)
          )
        ORDER BY place DESC, w.subscription_id DESC
        LIMIT $11
"""

_OF_CUSTOMER = """
        SELECT w.*, w.created_at AS place
        FROM subscriptions w
        WHERE w.customer_id = $4
          AND ($6::timestamptz IS NULL OR w.created_at >= $6)
          AND ($7::timestamptz IS NULL OR (w.created_at, w.subscription_id) < ($7, $8::uuid))
        ORDER BY place DESC, w.subscription_id DESC
        LIMIT $11
"""

_END = ") AS s WHERE ($10::text IS NULL OR s.words @@ to_tsquery('simple', $10)) AND"
_ORDER = "ORDER BY s.place DESC, s.subscription_id DESC LIMIT $9"

# About so many rows, from pages that are chosen at random.
_SAMPLE = """
    WITH sample AS MATERIALIZED (
        SELECT s.words,
"""
_RARE = """
               AS fits
        FROM subscriptions s TABLESAMPLE SYSTEM (
            least(
                100,
                100.0 * $10
                / greatest((SELECT reltuples FROM pg_class WHERE oid = 'subscriptions'::regclass), 1)
            )
        )
    )
    SELECT w.word
    FROM unnest($9::text[]) AS w (word)
    WHERE (SELECT count(*) * $11 FROM sample WHERE words @@ to_tsquery('simple', w.word))
          < (SELECT count(*) FROM sample)
    UNION ALL
    SELECT ''
    WHERE (SELECT count(*) * $11 FROM sample WHERE fits) < (SELECT count(*) FROM sample)
"""

# An index is asked only for the words in $11: for a common word it would have to list most of the table.
_GATHER = """
    WITH found AS MATERIALIZED (
        SELECT s.subscription_id, s.created_at AS place
        FROM subscriptions s
        WHERE ($10::text IS NULL OR (s.words @@ to_tsquery('simple', $10)) IS TRUE)
          AND ($11::text IS NULL OR s.words @@ to_tsquery('simple', $11))
          AND
"""
_FOUND = ") SELECT s.subscription_id FROM found s "


async def search_subscriptions(
    connection: Connection, rows: Rows, wanted: SubscriptionFilter, *, limit: int, after: UUID | None
) -> list[UUID]:
    """Return the ids of the subscriptions that fit, newest first, in a transaction that plans for its values.

    Args:
        limit: the largest number of ids to return.
        after: only those after this subscription in the list; an unknown id returns none.

    Raises:
        InvalidInput: if the text to search for has no words.
    """
    created = None if after is None else await _creation(connection, after)
    if after is not None and created is None:
        return []
    for setting in SETTINGS:
        await connection.execute(setting)
    fits = (
        *rows,
        wanted.customer_id,
        wanted.held_by,
        wanted.since,
        created,
        after,
    )
    page = *fits, limit, query(wanted.search)
    # What is out of sync are few.
    if not rows.out_of_sync and wanted.held_by is None:
        read = _walk_all if wanted.customer_id is None else _walk_customer
        found = await walk(partial(read, connection, page), limit)
        if len(found) == limit:
            return found
    words = [] if wanted.search is None else prefixes(wanted.search)
    ask = await _to_ask(connection, fits, words)
    gathered = await connection.fetch(_GATHER + _FITS + _FOUND + _ORDER, *page, ask)
    return [row["subscription_id"] for row in gathered]


async def _creation(connection: Connection, subscription_id: UUID) -> object:
    return await connection.fetchval(
        "SELECT created_at FROM subscriptions WHERE subscription_id = $1", subscription_id
    )


async def _walk_all(connection: Connection, page: Sequence[object], walked: int) -> list[UUID]:
    rows = await connection.fetch(_BEGIN + _ALL + _END + _FITS + _ORDER, *page, walked)
    return [row["subscription_id"] for row in rows]


async def _walk_customer(connection: Connection, page: Sequence[object], walked: int) -> list[UUID]:
    rows = await connection.fetch(_BEGIN + _OF_CUSTOMER + _END + _FITS + _ORDER, *page, walked)
    return [row["subscription_id"] for row in rows]


async def _to_ask(connection: Connection, fits: Sequence[object], words: Sequence[str]) -> str | None:
    """Return a query for those words that an index should be asked for; `None` means for none."""
    if not words or (len(words) == 1 and not any(fits)):
        return words[0] if words else None
    rows = await connection.fetch(_SAMPLE + _FITS + _RARE, *fits, words, SAMPLE, COMMON)
    return rare_words(words, [row["word"] for row in rows])
