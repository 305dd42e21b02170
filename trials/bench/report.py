"""Show a result: tables and a plot for a terminal, the same tables for the page."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import plotext
from rich.table import Table

from settings import ROOT
from trials.bench.comparison import Change
from trials.bench.figures import Figures, Machine, Measure, Result, Spread

PAGE = ROOT / "docs" / "performance.md"
HEADING = "## The last result"
"""The section of the page that a run writes, up to the next heading."""
WIDTH = 100

TABLES = {
    "Speed": {
        "alone, ms": Measure.ALONE_P50_MS,
        "p95": Measure.ALONE_P95_MS,
        "p99": Measure.ALONE_P99_MS,
        "per second": Measure.PER_SECOND,
        "with 1 worker": Measure.PER_SECOND_1_WORKER,
        "at a steady rate, ms": Measure.STEADY_P50_MS,
        "its p99": Measure.STEADY_P99_MS,
    },
    "CPU milliseconds for one process": {
        "server": Measure.CPU_SERVER_MS,
        "workers": Measure.CPU_WORKERS_MS,
        "PostgreSQL": Measure.CPU_POSTGRESQL_MS,
        "these together": Measure.CPU_MS,
        "client": Measure.CPU_CLIENT_MS,
    },
    "History of one process": {
        "events": Measure.EVENTS,
        "bytes": Measure.HISTORY_BYTES,
        "of them payloads": Measure.PAYLOAD_BYTES,
        "billable actions": Measure.ACTIONS,
    },
}
"""The columns of each table, by its title."""


@dataclass(frozen=True)
class Grid:
    """A table of texts."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def table(self) -> Table:
        """Return the table for a terminal."""
        table = Table(*self.head, title=self.title, title_justify="left", box=None, header_style="dim")
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """Return the table as Markdown."""
        lines = [self.head, ("---", *("---:" for _ in self.head[1:])), *self.rows]
        return f"{self.title}:\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def grids(result: Result) -> Iterator[Grid]:
    """Yield the tables of a result, without its ratios."""
    for title, columns in TABLES.items():
        rows = [
            (subject, *(shown(measured.get(measure)) for measure in columns.values()))
            for subject, measured in result.figures.items()
        ]
        yield Grid(title, ("", *columns), [row for row in rows if any(row[1:])])


def compared(changes: Sequence[Change]) -> Grid:
    """Return the table of ratios, before and now."""
    rows = [(one.name, shown(one.before), shown(one.now), "worse" if one.worse else "") for one in changes]
    return Grid("Share of the floor", ("", "before", "now", ""), rows)


def shown(spread: Spread | None) -> str:
    """Return a spread with as many digits as can be read; the empty text for `None`."""
    if spread is None:
        return ""
    values = (spread.median, spread.low, spread.high)
    digits = 2 if spread.high < 2 else 1 if spread.high < 20 else 0  # noqa: PLR2004  # what can be read
    if all(value.is_integer() for value in values):
        digits = 0
    median, low, high = (f"{value:.{digits}f}" for value in values)
    return median if low == high else f"{median} ({low} to {high})"


def conditions(result: Result) -> str:
    """Return the machine, the versions and the load of a result, in three sentences."""
    load = result.load
    return (
        f"{versions(result.machine)} {of_rounds(load.rounds)}; "
        f"{load.concurrency} processes at a time, steady rate {load.per_second} a second."
    )


def versions(machine: Machine) -> str:
    """Return the machine and the versions, in two sentences."""
    return (
        f"{machine.cores} cores, load average before the run {machine.load_average[0]:.1f}. "
        f"Python {machine.python}, temporalio {machine.temporalio}, "
        f"Temporal server {machine.temporal_server}, PostgreSQL {machine.postgresql}."
    )


def of_rounds(number: int) -> str:
    """Return how the values of this number of rounds are shown."""
    return f"Median of {number} rounds, in brackets the smallest and the largest"


def plot(figures: Figures) -> str:
    """Return bars of the throughput as text."""
    plotext.clear_figure()
    plotext.theme("clear")
    medians = {name: measured[Measure.PER_SECOND].median for name, measured in figures.items()}
    plotext.simple_bar(list(medians), list(medians.values()), width=WIDTH, title="processes per second")
    return str(plotext.uncolorize(plotext.build()))


def section(result: Result) -> str:
    """Return the section of the page."""
    ratios = [(name, shown(ratio)) for name, ratio in result.ratios.items()]
    tables = [*grids(result), Grid("Share of the floor", ("", "share"), ratios)]
    return "\n\n".join([HEADING, conditions(result), *(grid.markdown() for grid in tables)]) + "\n"


def write_page(section: str) -> None:
    """Write this section, which begins with its heading, in place of the one on the page."""
    PAGE.write_text(replaced(PAGE.read_text(), section))


def replaced(page: str, text: str) -> str:
    """Return the page with this text in place of the section that has its heading."""
    heading = text.partition("\n")[0]
    found = re.compile(rf"^{re.escape(heading)}\n.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    new, times = found.subn(lambda _: f"{text}\n", page)
    assert times == 1, f"The page needs one heading {heading!r}"
    return new.rstrip("\n") + "\n"
