"""A process that is scheduled: Temporal starts it later."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.text import printable

FURTHEST = timedelta(days=10 * 366)
"""How far ahead a process can be scheduled: what is further is probably mistyped."""


def _text(value: object) -> object:
    # pydantic takes a number as seconds since 1970: `2027` would be half past midnight of that day.
    if not isinstance(value, str | datetime):
        raise ValueError("must be a date or a time such as 2027-01-01T08:00:00Z")  # noqa: TRY004  # for pydantic
    return value


def _in_utc(moment: datetime) -> datetime:
    """Return the time in UTC, which it is in if it names no zone.

    Raises:
        ValueError: if there is no such time in UTC: it is before the year 1 or after 9999 there.
    """
    try:
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except OverflowError:
        raise ValueError("is too far away") from None


Moment = Annotated[datetime, BeforeValidator(_text), AfterValidator(_in_utc)]
"""A date or a time, as ISO 8601 writes it; in UTC if it names no zone. A date means its midnight."""

ProcessId = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(printable),
]
"""The id of a process to come: short enough for Temporal, whichever characters it has."""


class Scheduled(BaseModel):
    """A scheduled start, as it is listed."""

    model_config = ConfigDict(frozen=True)

    process_id: str
    """Id of the scheduled start itself: what is moved and aborted."""
    starts: str
    """Id that the process will have."""
    workflow: str
    title: str
    """What the process will do, in a few words."""
    subscription_id: UUID | None
    at: datetime
    by: str | None
    reason: str | None

    @property
    def when(self) -> str:
        """The time as people read it."""
        return spelled_out(self.at)


def spelled_out(moment: datetime) -> str:
    """Return the time as people read it: to the second, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def require_future(at: datetime, now: datetime) -> None:
    """Require that a process can be scheduled for this time.

    Raises:
        InvalidInput: if it has passed, or is too far ahead.
    """
    if at <= now:
        raise InvalidInput(f"{spelled_out(at)} has passed (now: {spelled_out(now)}); give a later time")
    if at > now + FURTHEST:
        raise InvalidInput(f"{spelled_out(at)} is more than 10 years ahead; give an earlier time")
