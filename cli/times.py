"""Times and durations that were typed."""

import re
from datetime import UTC, datetime, timedelta

from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import shown

UNITS = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}
"""Seconds per unit."""


def as_duration(text: str) -> timedelta | None:
    """Return the duration that was typed, e.g. ``1d`` or ``12h``; `None` if it is none."""
    typed = re.fullmatch(r"([0-9]{1,8})([smhd])", text)
    return timedelta(seconds=int(typed[1]) * UNITS[typed[2]]) if typed else None


def as_past(text: str, option: str) -> datetime:
    """Return the moment that was typed: a date, a time, or a duration back from now, e.g. ``2d``.

    A date is its midnight; a time without a zone is in UTC.

    Raises:
        InvalidInput: if it is none of these, or lies in the future.
    """
    now = datetime.now(UTC)
    try:
        back = as_duration(text)
        moment = datetime.fromisoformat(text) if back is None else now - back
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{option}: '{shown(text)}' is not a time; give a date or a time such as 2026-03-01 or "
            "2026-03-01T14:30Z, or how long ago it was, such as 2d"
        ) from None
    if moment > now:
        raise InvalidInput(f"{option}: '{shown(text)}' lies in the future; give a moment that has passed")
    return moment
