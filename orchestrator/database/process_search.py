"""Search processes with filters that may fit few of them; find their ids, newest first.

First this walks through the newest processes and takes those that fit: enough if many do. If these do not
fill the page, few fit, and indexes find all of them.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple
from uuid import UUID

from orchestrator.database.connection import Connection
from orchestrator.database.filters import (
    COMMON,
    SAMPLE,
    ProcessFilter,
    prefixes,
    query,
    rare_words,
    walk,
)
from orchestrator.database.processes import read_process

SETTINGS = (
    "SET LOCAL enable_seqscan = off",
    "SET LOCAL work_mem = '64MB'",  # to note rows; else PostgreSQL notes pages, and reads them again
)


class Rows(NamedTuple):
    """Which rows of the trail fit, apart from the words of a search; `None` means any."""

    status: str | None
    is_open: bool | None = None
    target: str | None = None
    """Only processes with this target that have committed their last step."""
    subscription_id: UUID | None = None


# A filter that is `NULL` is left out when PostgreSQL plans the statement for its values.
_FITS = """
        ($1::text IS NULL OR p.status = $1)
        AND ($2::boolean IS NULL OR (p.ended_at IS NULL) = $2)
        AND (
            $3::text IS NULL
            -- A process that ends before its last step has a row in the ledger for that.
            OR p.target = $3 AND NOT EXISTS (
                SELECT FROM process_steps e WHERE e.process_id = p.process_id AND e.step = 'end_process'
            )
        )
        AND ($4::uuid IS NULL OR p.subscription_id = $4)
        AND ($5::text IS NULL OR p.workflow = $5)
        AND ($6::text IS NULL OR p.created_by = $6)
        AND ($7::timestamptz IS NULL OR p.started_at AT TIME ZONE 'UTC' >= $7 AT TIME ZONE 'UTC')
        AND ($8::text IS NULL OR p.stopped_at_step = $8 OR p.status = 'running' AND p.last_step = $8)
        AND ($9::text IS NULL OR position(lower($9) IN lower(p.failed_reason)) > 0)
        AND ($10::text IS NULL OR (p.words @@ to_tsquery('simple', $10)) IS TRUE)
        AND (
            $11::timestamptz IS NULL
            OR (p.started_at AT TIME ZONE 'UTC', p.process_id) < ($11 AT TIME ZONE 'UTC', $12::text)
        )
"""

_BEGIN = "SELECT p.process_id FROM ("

# The index of all has the order of an expression, so that no other statement takes it for its own.
_ALL = """
        SELECT w.*, w.started_at AT TIME ZONE 'UTC' AS place
        FROM processes w
        WHERE ($7::timestamptz IS NULL OR w.started_at AT TIME ZONE 'UTC' >= $7 AT TIME ZONE 'UTC')
          AND (
              $11::timestamptz IS NULL
              OR (w.started_at AT TIME ZONE 'UTC', w.process_id) < ($11 AT TIME ZONE 'UTC', $12::text)
          )
        ORDER BY place DESC, w.process_id DESC
        LIMIT $15
"""

# One of these is given; each has an index in this order.
_SOME = """
        SELECT w.*, w.started_at AS place
        FROM processes w
        WHERE ($16::text IS NULL OR w.created_by = $16)
          AND ($17::text IS NULL OR w.workflow = $17)
          AND ($18::text IS NULL OR w.status = $18)
          AND (NOT $19::boolean OR w.failed_reason IS NOT NULL)
          AND ($7::timestamptz IS NULL OR w.started_at >= $7)
          AND ($11::timestamptz IS NULL OR (w.started_at, w.process_id) < ($11, $12::text))
        ORDER BY place DESC, w.process_id DESC
        LIMIT $15
"""

_END = """
    ) AS p
    WHERE (
        $14::text IS NULL
        OR p.words @@ to_tsquery('simple', $14)
        OR EXISTS (
            SELECT FROM process_events e
            WHERE e.process_id = p.process_id AND e.words @@ to_tsquery('simple', $14)
        )
    ) AND
"""
_ORDER = "ORDER BY p.place DESC, p.process_id DESC LIMIT $13"

# About so many rows, from pages that are chosen at random.
_SAMPLE = """
    WITH sample AS MATERIALIZED (
        SELECT p.words,
"""
_RARE = """
               AS fits
        FROM processes p TABLESAMPLE SYSTEM (
            least(
                100,
                100.0 * $14
                / greatest((SELECT reltuples FROM pg_class WHERE oid = 'processes'::regclass), 1)
            )
        )
    )
    SELECT w.word
    FROM unnest($13::text[]) AS w (word)
    WHERE (SELECT count(*) * $15 FROM sample WHERE words @@ to_tsquery('simple', w.word))
          < (SELECT count(*) FROM sample)
    UNION ALL
    SELECT ''
    WHERE (SELECT count(*) * $15 FROM sample WHERE fits) < (SELECT count(*) FROM sample)
"""

# An index is asked only for the words in $15: for a common word it would have to list most of the table.
_GATHER = """
    WITH found AS MATERIALIZED (
        SELECT p.process_id, p.started_at AS place
        FROM processes p
        WHERE ($14::text IS NULL OR (p.words @@ to_tsquery('simple', $14)) IS TRUE)
          AND ($15::text IS NULL OR p.words @@ to_tsquery('simple', $15))
          AND
"""
_GATHER_BY_EVENTS = """
        UNION
        SELECT p.process_id, p.started_at AS place
        FROM process_events e
        JOIN processes p USING (process_id)
        WHERE e.words @@ to_tsquery('simple', $14)
          AND
"""
_FOUND = ") SELECT p.process_id FROM found p "


async def search_processes(
    connection: Connection, rows: Rows, wanted: ProcessFilter, *, limit: int, after: str | None
) -> list[str]:
    """Return the ids of the processes that fit, newest first, in a transaction that plans for its values.

    Args:
        limit: the largest number of ids to return.
        after: only those after this process in the list; an unknown id returns none.

    Raises:
        InvalidInput: if a text to search for has no words.
    """
    last = None if after is None else await read_process(connection, after)
    if after is not None and last is None:
        return []
    for setting in SETTINGS:
        await connection.execute(setting)
    fits = (
        *rows,
        wanted.workflow,
        wanted.created_by,
        wanted.since,
        wanted.step,
        wanted.because,
        query(wanted.because),
        *((None, None) if last is None else (last.started_at, last.process_id)),
    )
    page = *fits, limit, query(wanted.search)
    # What one subscription has, or what is open, are few.
    if rows.subscription_id is None and rows.is_open is not True:
        found = await walk(partial(_walk, connection, page, _order(rows, wanted)), limit)
        if len(found) == limit:
            return found
    texts = [text for text in (wanted.search, wanted.because) if text is not None]
    ask = await _to_ask(connection, fits, [word for text in texts for word in prefixes(text)])
    gathered = await connection.fetch(
        _GATHER + _FITS + _GATHER_BY_EVENTS + _FITS + _FOUND + _ORDER, *page, ask
    )
    return [row["process_id"] for row in gathered]


async def _walk(
    connection: Connection, page: Sequence[object], order: Sequence[object], walked: int
) -> list[str]:
    if any(order):
        rows = await connection.fetch(_BEGIN + _SOME + _END + _FITS + _ORDER, *page, walked, *order)
    else:
        rows = await connection.fetch(_BEGIN + _ALL + _END + _FITS + _ORDER, *page, walked)
    return [row["process_id"] for row in rows]


def _order(rows: Rows, wanted: ProcessFilter) -> tuple[str | None, str | None, str | None, bool]:
    """Return the filter in whose order to walk: who started it, the workflow, the status, or a reason."""
    if wanted.because is not None:
        return None, None, None, True
    if wanted.created_by is not None:
        return wanted.created_by, None, None, False
    if wanted.workflow is not None:
        return None, wanted.workflow, None, False
    return None, None, rows.status, False


async def _to_ask(connection: Connection, fits: Sequence[object], words: Sequence[str]) -> str | None:
    """Return a query for those words that an index should be asked for; `None` means for none."""
    if not words or (len(words) == 1 and not any(fits)):
        return words[0] if words else None
    rows = await connection.fetch(_SAMPLE + _FITS + _RARE, *fits, words, SAMPLE, COMMON)
    return rare_words(words, [row["word"] for row in rows])
