"""Ids, names and times that were typed, as far as they can be judged without a database."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import shown
from orchestrator.domain.text import printable

LONGEST_ID = 1000
"""Bytes: the longest workflow id that Temporal accepts."""
LONGEST_DESCRIPTION = 10_000
"""Bytes: longer than any description."""
SHORTEST = 4
"""Characters of an id that name it."""
UNITS = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}
"""Seconds per unit of a duration."""


def as_duration(text: str) -> timedelta | None:
    """Return the duration that was typed, e.g. ``1d`` or ``12h``; `None` if the text is none."""
    typed = re.fullmatch(r"([0-9]{1,8})([smhd])", text)
    return timedelta(seconds=int(typed[1]) * UNITS[typed[2]]) if typed else None


def as_past(text: str) -> datetime:
    """Return the time that was typed: a date, a time, or how long ago, e.g. ``2d``.

    Without an offset it is local time, as tables show it.

    Raises:
        InvalidInput: if it is none of these.
    """
    try:
        ago = as_duration(text)
        typed = datetime.fromisoformat(text) if ago is None else datetime.now(UTC) - ago
        return typed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"'{shown(text)}' is not a time; give a date like 2026-03-01, a time like 2026-03-01T14:30, "
            "or how long ago, like 2d or 6h"
        ) from None


def as_uuid(text: str) -> UUID | None:
    """Return the text as a UUID, or `None` if it is not a whole one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def require_subscription(text: str | None) -> None:
    """Require that the text can name a subscription; `None` passes.

    Raises:
        InvalidInput: if it is too short or too long, has control characters, or is not Unicode.
    """
    if text is None:
        return
    require_text(text, longest=LONGEST_DESCRIPTION)
    if len(text) < SHORTEST:
        raise InvalidInput(
            f"'{shown(text)}' is too short; give the id of the subscription, at least {SHORTEST} characters "
            "of it, or its description"
        )


def require_text(text: str | None, *, longest: int = LONGEST_ID) -> None:
    """Require that the text can be a process id or a name; `None` passes.

    Args:
        longest: the largest number of bytes.

    Raises:
        InvalidInput: if it is empty or too long, has control characters, or is not Unicode.
    """
    if text is None:
        return
    if not text:
        raise InvalidInput("An id or a name must not be empty; give at least one character")
    try:
        if len(printable(text).encode()) > longest:
            raise InvalidInput(f"'{shown(text)}' is too long: at most {longest} bytes")
    except ValueError as error:
        raise InvalidInput(f"'{shown(text)}' {error}") from None
