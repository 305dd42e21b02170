"""Show a result: what one create needs, and what many need."""

from collections.abc import Iterator

from settings import ROOT
from trials.bench.figures import Spread
from trials.bench.report import Grid, of_rounds, replaced, shown, versions
from trials.scale.figures import RATES, Demand, Need, Result, demand

PAGE = ROOT / "docs" / "scaling.md"
HEADING = "## What was measured"
"""The section of the page that a run writes, up to the next heading."""

NEEDS = {
    "creates per second": Need.PER_SECOND,
    "CPU of the workers, ms": Need.CPU_WORKERS_MS,
    "of PostgreSQL, ms": Need.CPU_POSTGRESQL_MS,
    "of the development server, ms": Need.CPU_SERVER_MS,
    "connection busy, ms": Need.CONNECTION_MS,
    "connections": Need.CONNECTIONS,
    "WAL, kB": Need.WAL_BYTES,
    "stored, kB": Need.STORED_BYTES,
}
"""The columns of the first table."""
KILO = {Need.WAL_BYTES, Need.STORED_BYTES}
BASE = 2
"""Number of workers whose figures the demand is computed from: as many as there are in `make bench`."""


def grids(result: Result) -> Iterator[Grid]:
    """Yield the tables of a result."""
    rows = []
    for workers, needs in result.needs.items():
        cells = [shown(_kilo(needs[need]) if need in KILO else needs[need]) for need in NEEDS.values()]
        rows.append((str(workers), *cells))
    yield Grid("One create, by the number of workers", ("workers", *NEEDS), rows)
    demands = [demand(result.needs[BASE], rate) for rate in RATES]
    yield Grid(f"Computed from {BASE} workers, if each create needs as much", _head(), [*map(_row, demands)])


def _kilo(spread: Spread) -> Spread:
    return Spread.of([value / 1000 for value in (spread.median, spread.low, spread.high)])


def _head() -> tuple[str, ...]:
    return (
        *("creates per second", "worker processes", "cores of PostgreSQL", "busy connections", "WAL, MB/s"),
        *("stored, GB/day", "events per second", "billable actions per second"),
    )


def _row(one: Demand) -> tuple[str, ...]:
    values = (
        *(one.rate, one.workers, one.postgresql_cores, one.busy_connections, one.wal_megabytes),
        *(one.stored_gigabytes, one.events, one.actions),
    )
    return tuple(_number(value) for value in values)


def _number(value: float) -> str:
    whole = isinstance(value, int) or value >= 10  # noqa: PLR2004  # what can be read
    return f"{value:,.0f}" if whole else f"{value:.1f}"


def section(result: Result) -> str:
    """Return the section of the page."""
    said = (
        f"{versions(result.machine)} {of_rounds(result.rounds)}; "
        f"{result.creates} creates for each number of workers, {result.concurrency} at a time."
    )
    return "\n\n".join([HEADING, said, *(grid.markdown() for grid in grids(result))]) + "\n"


def write_page(result: Result) -> None:
    """Replace the section of the page."""
    PAGE.write_text(replaced(PAGE.read_text(), section(result)))
