"""Times that were typed."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.times import as_duration, as_past
from orchestrator.domain.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("6h", timedelta(hours=6)),
        ("2d", timedelta(days=2)),
        *((text, None) for text in ("", "2", "d", "-2d", "2w", "2 d", "1.5h", "٤d", "999999999d")),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, duration: timedelta | None) -> None:
    assert as_duration(text) == duration


def test_a_time_is_a_date_or_a_time_or_how_long_ago() -> None:
    before = datetime.now(UTC)
    ago = as_past("2d", "--since")
    assert before - timedelta(days=2) <= ago <= datetime.now(UTC) - timedelta(days=2)
    assert as_past("2026-03-01", "--since") == datetime(2026, 3, 1, tzinfo=UTC)
    assert as_past("2026-03-01T14:30+02:00", "--since") == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "99999999d", "0001-01-01T00:00+14:00", "1e9"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a time; give a date or a time"):
        as_past(text, "--since")
