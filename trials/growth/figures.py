"""The figures of a run, and what they must not exceed; pure."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from trials.bench.figures import Spread

MOST_RATIO = 1.2
"""How many times as long anything should take in the large database at most."""
BROKEN_RATIO = 1.5
"""How many times as long something takes that must be wrong: what reads a whole table takes much longer than
that. Below, it is one more level of an index, or the caches of the processor."""
MOST_MS = 50.0
"""Milliseconds that a page of a list may take in the large database."""


class Load(BaseModel):
    """How large the databases are, and how often everything is measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    small: int
    """Subscriptions in the small database."""
    large: int
    """Subscriptions in the large database."""
    rounds: int
    times: int
    """How often each subject is measured in a round."""


class Figure(BaseModel):
    """What one subject takes in both databases, in milliseconds at the client."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int | None
    """Rows of the list, the same in both databases; `None` if it is no list."""
    small: Spread
    large: Spread
    ratio: Spread
    """Large to small, within each round."""
    page: Spread | None
    """What a full page of the list takes in the large database; `None` if it is no list."""

    @property
    def grows(self) -> bool:
        """Whether it takes longer in the large database than it should, in every round."""
        # In every round: one alone may have been disturbed by something else on the machine.
        return self.ratio.low > MOST_RATIO

    @property
    def broken(self) -> bool:
        """Whether it takes so much longer, in every round, that something must be wrong."""
        return self.ratio.low > BROKEN_RATIO

    @property
    def slow(self) -> bool:
        """Whether it is a list of which a page takes longer than it may."""
        return self.page is not None and self.page.median > MOST_MS


class Result(BaseModel):
    """The result of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cores: int | None
    load_average: tuple[float, float, float]
    """Load average over 1, 5 and 15 minutes, before the measurement."""
    postgresql: str
    load: Load
    filled_in: float
    """Seconds in which the large database was filled."""
    gigabytes: float
    """Size of the large database."""
    figures: dict[str, Figure]


def verdict(figures: dict[str, Figure]) -> str | None:
    """Return which subjects are broken or slow, and by how much; `None` if none is."""
    missed = [
        *(
            f"{name} takes {one.ratio.median:.2f} times as long"
            for name, one in figures.items()
            if one.broken
        ),
        *(f"{name} takes {one.page.median:.0f} ms" for name, one in figures.items() if one.page and one.slow),
    ]
    return f"Not flat: {'; '.join(missed)}" if missed else None


class Times(NamedTuple):
    """Milliseconds that a subject took, or their median."""

    small: float
    large: float
    page: float | None
    """Of a full page in the large database; `None` if it is no list."""


def medians(measured: Sequence[Times]) -> Times:
    """Return the median of each column."""
    small, large, page = zip(*measured, strict=True)
    return Times(median(small), median(large), None if page[0] is None else median(page))


def figure(rounds: Sequence[Times], rows: int | None) -> Figure:
    """Return the figure of a subject from the medians of each round.

    Args:
        rows: rows of the list; `None` if it is no list.
    """
    pages = [one.page for one in rounds if one.page is not None]
    return Figure(
        rows=rows,
        small=Spread.of([one.small for one in rounds]),
        large=Spread.of([one.large for one in rounds]),
        ratio=Spread.of([one.large / one.small for one in rounds]),
        page=Spread.of(pages) if pages else None,
    )
