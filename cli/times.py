"""Times and durations that were typed."""

import re
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import shown
from orchestrator.domain.scheduled import FURTHEST, Moment, require_future

UNITS = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}
"""Seconds per unit."""

_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


def as_duration(text: str, what: str, shortest: timedelta, longest: timedelta) -> timedelta:
    """Return the duration that was typed, e.g. ``1d`` or ``12h``.

    Args:
        what: what it is, for the message.
        shortest, longest: whole numbers of a unit.

    Raises:
        InvalidInput: if it is no duration, too short or too long.
    """
    duration = _duration(text) or timedelta()
    if not shortest <= duration <= longest:
        raise InvalidInput(
            f"'{shown(text)}' is not {what} from {as_typed(shortest)} to {as_typed(longest)}; "
            "give a number and s, m, h or d, like 1d"
        )
    return duration


def as_typed(duration: timedelta) -> str:
    """Return the duration as one would type it, in the largest unit that fits."""
    seconds = int(duration.total_seconds())
    unit = next(unit for unit, size in reversed(UNITS.items()) if seconds % size == 0)
    return f"{seconds // UNITS[unit]}{unit}"


def as_moment(text: str) -> datetime:
    """Return the time that was typed: a date, which means its midnight, or a time; in UTC.

    Raises:
        InvalidInput: if it is neither.
    """
    # Only what ISO 8601 writes with hyphens: pydantic also takes a number of seconds.
    if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return _MOMENT.validate_python(text)
        except ValidationError:
            pass
    raise InvalidInput(
        f"'{shown(text)}' is not a date or a time; give one such as 2027-01-01 or 2027-01-01T08:00:00Z"
    )


def when_due(at: str | None, within: str | None) -> datetime | None:
    """Return the time that ``--at`` or ``--in`` names; `None` if neither was given.

    Raises:
        InvalidInput: if both were given, or if it has passed or is too far ahead.
    """
    if at is not None and within is not None:
        raise InvalidInput("Give either --at or --in")
    now = datetime.now(UTC)
    if within is not None:
        return now + as_duration(within, "a duration", timedelta(seconds=1), FURTHEST)
    if at is None:
        return None
    due = as_moment(at)
    require_future(due, now)
    return due


def as_past(text: str, option: str) -> datetime:
    """Return the moment that was typed: a date, a time, or a duration back from now, e.g. ``2d``.

    Raises:
        InvalidInput: if it is none of these, or lies in the future.
    """
    now = datetime.now(UTC)
    back = _duration(text)
    try:
        moment = as_moment(text) if back is None else now - back
    except (InvalidInput, OverflowError):
        raise InvalidInput(
            f"{option}: '{shown(text)}' is not a time; give a date or a time such as 2026-03-01 or "
            "2026-03-01T14:30Z, or how long ago it was, such as 2d"
        ) from None
    if moment > now:
        raise InvalidInput(f"{option}: '{shown(text)}' lies in the future; give a moment that has passed")
    return moment


def _duration(text: str) -> timedelta | None:
    typed = re.fullmatch(r"([0-9]{1,8})([smhd])", text)
    return timedelta(seconds=int(typed[1]) * UNITS[typed[2]]) if typed else None
