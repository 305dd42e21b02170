"""What lists are filtered by, beside the status and the product."""

import re
import string
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import shown

MOST_WORDS = 20
"""Words that a search may have."""

GLANCED = 1000
"""Rows that a search walks through first: if none of them fits, few do."""
WALKED = 10_000
"""Rows that it walks through if some of these fit, but too few for a page: that takes some milliseconds."""
SAMPLE = 1000
"""Rows that tell how common a word is, about."""
COMMON = 50
"""A word is common if at least one of so many rows has it."""
FEW_FIT = ""
"""Stands among the rare words if few rows fit the other filters."""

Id = TypeVar("Id")

_PUNCTUATION = str.maketrans(string.punctuation, " " * len(string.punctuation))
_RANDOM_ID = re.compile(r"([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class SubscriptionFilter:
    """Which subscriptions to list; `None` means any."""

    search: str | None = None
    """Each word of this text is the beginning of a word of the description, of a value or of the note."""
    customer_id: UUID | None = None
    held_by: str | None = None
    """The process that holds it."""
    since: datetime | None = None
    """Created at this time or later."""

    def __bool__(self) -> bool:
        return any(one is not None for one in astuple(self))


@dataclass(frozen=True)
class ProcessFilter:
    """Which processes to list; `None` means any."""

    search: str | None = None
    """Each word of this text is the beginning of a word of what the trail says of the process, or of the
    reason of one of its events."""
    workflow: str | None = None
    created_by: str | None = None
    since: datetime | None = None
    """Started at this time or later."""
    step: str | None = None
    """The step that it has come to."""
    because: str | None = None
    """A part of the reason for which it is parked or has ended, from the beginning of a word."""

    def __bool__(self) -> bool:
        return any(one is not None for one in astuple(self))


def prefixes(text: str) -> list[str]:
    """Return a query of PostgreSQL's text search for each word of this text: it may begin a word.

    Raises:
        InvalidInput: if the text has no word, or too many.
    """
    # The database keeps only the beginning of the random part of a process id.
    words = _RANDOM_ID.sub(r"\1", text).translate(_PUNCTUATION).split()
    if not words:
        raise InvalidInput(f"'{shown(text)}' has no word to search for; give letters or digits")
    if len(words) > MOST_WORDS:
        raise InvalidInput(f"'{shown(text)}' has more than {MOST_WORDS} words; give fewer")
    return [f"'{word}':*" for word in words]


def query(text: str | None) -> str | None:
    """Return a query of PostgreSQL's text search for all words of this text together; `None` for `None`.

    Raises:
        InvalidInput: as `prefixes`.
    """
    return None if text is None else " & ".join(prefixes(text))


async def walk(read: Callable[[int], Awaitable[list[Id]]], limit: int) -> list[Id]:
    """Return which of the newest rows fit: of more rows, if a glance finds some, but less than a page.

    Args:
        read: returns which of so many rows fit, and at most `limit` of them.
        limit: how many fill the page.
    """
    found = await read(GLANCED)
    return found if not found or len(found) == limit else await read(WALKED)


def rare_words(words: Sequence[str], sampled: Sequence[str]) -> str | None:
    """Return a query for the words that an index should be asked for: for a common one it takes long.

    They are those that are rare; if none is, all of them, or none (`None`) if few rows fit the other filters.

    Args:
        sampled: those that are rare in a sample of rows, with `FEW_FIT` if few fit the other filters.
    """
    if FEW_FIT in sampled:
        return " & ".join(word for word in sampled if word != FEW_FIT) or None
    return " & ".join(sampled or words)
