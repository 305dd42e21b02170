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


def as_duration(text: str) -> timedelta | None:
    """Return the duration that was typed, e.g. ``1d`` or ``12h``; `None` if it is none."""
    typed = re.fullmatch(r"([0-9]{1,8})([smhd])", text)
    return timedelta(seconds=int(typed[1]) * UNITS[typed[2]]) if typed else None


def as_future(at: str | None, within: str | None) -> datetime | None:
    """Return the moment that ``--at`` or ``--in`` names; `None` if neither was given.

    A date is its midnight; a time without a zone is in UTC.

    Raises:
        InvalidInput: if both were given, or if it is no moment, has passed or is too far ahead.
    """
    if at is not None and within is not None:
        raise InvalidInput("Give either --at or --in")
    now = datetime.now(UTC)
    if within is not None:
        duration = as_duration(within)
        if duration is None or duration > FURTHEST:
            raise InvalidInput(
                f"--in: '{shown(within)}' is not a duration up to {FURTHEST.days}d; "
                "give a number and s, m, h or d, like 30d"
            )
        moment = now + duration
    elif at is not None:
        moment = _as_moment(at)
    else:
        return None
    require_future(moment, now)
    return moment


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


def _as_moment(text: str) -> datetime:
    # Only what ISO 8601 writes with hyphens: pydantic also takes a number of seconds.
    if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return _MOMENT.validate_python(text)
        except ValidationError:
            pass
    raise InvalidInput(
        f"--at: '{shown(text)}' is not a time; give a date or a time such as 2027-01-01 or 2027-01-01T14:30Z"
    )
