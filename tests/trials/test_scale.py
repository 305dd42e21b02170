"""What many creates need follows from what one needs."""

import pytest

from settings import ROOT
from trials.bench.figures import Machine, Spread
from trials.scale import report
from trials.scale.figures import Need, Needs, Result, demand

MACHINE = Machine(
    cores=2,
    load_average=(0.1, 0.1, 0.1),
    python="3.11.7",
    temporalio="1.35.0",
    temporal_server="1.32.0",
    postgresql="18.4",
)


def needs(scale: float = 1) -> Needs:
    one = {
        Need.PER_SECOND: 20.0,
        Need.CPU_WORKERS_MS: 28.0,
        Need.CPU_POSTGRESQL_MS: 8.0,
        Need.CPU_SERVER_MS: 30.0,
        Need.CONNECTION_MS: 50.0,
        Need.CONNECTIONS: 20.0,
        Need.WAL_BYTES: 15_000.0,
        Need.STORED_BYTES: 7_000.0,
        Need.EVENTS: 17.0,
        Need.HISTORY_BYTES: 8_000.0,
        Need.ACTIONS: 5.0,
    }
    return {need: value * scale for need, value in one.items()}


def measured() -> Result:
    rounds = [{1: needs(scale), 2: needs(scale)} for scale in (1, 2, 4)]
    return Result.of(MACHINE, rounds, creates=60, concurrency=10)


def test_the_median_of_the_rounds_counts() -> None:
    assert measured().needs[1][Need.EVENTS] == Spread(median=34, low=17, high=68)


@pytest.mark.parametrize("times", [1, 10, 100])
def test_a_higher_rate_needs_as_much_more(times: int) -> None:
    one = {need: Spread.of([value]) for need, value in needs().items()}
    wanted = demand(one, 100 * times)
    assert wanted.workers == 4 * times  # 2.8 cores at 70% each
    assert wanted.postgresql_cores == pytest.approx(0.8 * times)
    assert wanted.busy_connections == pytest.approx(5 * times)
    assert wanted.wal_megabytes == pytest.approx(1.5 * times)
    assert wanted.stored_gigabytes == pytest.approx(60.48 * times)
    assert (wanted.events, wanted.actions) == (1_700 * times, 500 * times)


def test_the_page_has_the_section_that_a_run_writes() -> None:
    page = (ROOT / "docs" / "scaling.md").read_text()
    assert page.count(f"{report.HEADING}\n") == 1
    for grid in report.grids(measured()):
        assert f"| {' | '.join(grid.head)} |" in page
