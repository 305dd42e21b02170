"""Show a result: a table for a terminal, the same table for the page."""

from settings import ROOT
from trials.bench.report import Grid, of_rounds, shown
from trials.growth.figures import MOST_MS, MOST_RATIO, Figure, Result

COMMITTED = ROOT / "docs" / "growth.json"
HEADING = "## The last result of `make bench-growth`"
"""The section of the page that a run writes, up to the next heading."""


def grid(result: Result) -> Grid:
    """Return the table of a result."""
    load = result.load
    head = ("", "rows", f"{load.small:,}, ms", f"{load.large:,}, ms", "ratio", "a page, ms", "")
    rows = [
        (
            name,
            "" if one.rows is None else str(one.rows),
            *(shown(spread) for spread in (one.small, one.large, one.ratio, one.page)),
            _judged(one),
        )
        for name, one in result.figures.items()
    ]
    return Grid("With so many subscriptions", head, rows)


def _judged(one: Figure) -> str:
    return f"above {MOST_RATIO}" if one.grows else f"above {MOST_MS:.0f} ms" if one.slow else ""


def conditions(result: Result) -> str:
    """Return the machine, the versions and the load of a result, in three sentences."""
    load = result.load
    return (
        f"{result.cores} cores, load average before the measurement {result.load_average[0]:.1f}, "
        f"PostgreSQL {result.postgresql}. "
        f"The large database has {load.large:,} subscriptions and {3 * load.large:,} processes, takes "
        f"{result.gigabytes} GB and was filled in {result.filled_in:.0f} s. "
        f"{of_rounds(load.rounds)}; each round is the median of {load.times} times."
    )


def section(result: Result) -> str:
    """Return the section of the page."""
    return "\n\n".join([HEADING, conditions(result), grid(result).markdown()]) + "\n"
