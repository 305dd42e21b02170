"""The arithmetic of the bench, its comparison with the committed result, and its page."""

import pytest

from tests.docs.pages import section
from trials.bench import comparison, report
from trials.bench.comparison import Change, changes, verdict
from trials.bench.figures import (
    FLOOR,
    Measure,
    Measured,
    Round,
    Spread,
    averaged,
    percentile,
    rate,
    ratios,
    summarized,
)


def measured(per_second: float, latency: float, cpu: float) -> Measured:
    return {Measure.PER_SECOND: per_second, Measure.ALONE_P50_MS: latency, Measure.CPU_MS: cpu}


def one_round(floor: Measured, create: Measured, per_second_beside: float) -> Round:
    """Return a round in which the floor was faster around the create than on average."""
    beside = {**floor, Measure.PER_SECOND: per_second_beside}
    return Round(figures={FLOOR: floor, "create": create}, beside={"create": beside})


ROUNDS = [
    one_round(measured(60, 20, 20), measured(20, 80, 100), 80),
    one_round(measured(30, 40, 20), measured(20, 80, 50), 40),
    one_round(measured(50, 30, 20), measured(20, 90, 80), 60),
]


def spread(median: float) -> Spread:
    return Spread(median=median, low=median / 2, high=median)


def test_the_median_of_the_rounds_has_its_extremes() -> None:
    assert Spread.of([3, 1, 7]) == Spread(median=3, low=1, high=7)
    assert summarized(ROUNDS)["create"][Measure.ALONE_P50_MS] == Spread(median=80, low=80, high=90)


def test_a_ratio_of_throughput_is_to_the_floor_beside_it() -> None:
    """What disturbs the machine for a while disturbs the floor and the process alike."""
    found = ratios(ROUNDS)
    assert found["create: throughput"] == Spread.of([20 / 80, 20 / 40, 20 / 60])


def test_a_ratio_of_latency_or_cpu_falls_when_it_gets_dearer() -> None:
    found = ratios(ROUNDS)
    assert found["create: latency"] == Spread.of([20 / 80, 40 / 80, 30 / 90])
    assert found["create: CPU"] == Spread.of([20 / 100, 20 / 50, 20 / 80])


def test_the_floor_of_a_round_is_the_mean_of_its_parts() -> None:
    assert averaged([measured(80, 20, 20), measured(40, 30, 10)]) == measured(60, 25, 15)


def test_a_percentile_is_interpolated() -> None:
    values = [float(number) for number in range(101)]
    assert [percentile(values, percent) for percent in (50, 95, 99)] == [50, 95, 99]
    assert percentile([1.0, 2.0], 50) == 1.5


def test_the_rate_counts_only_while_all_places_are_full() -> None:
    """Three at a time: the first are slow to come, the last leave places empty."""
    ends = [5.0, 5.1, 5.2, 5.7, 6.2, 6.7, 12.0, 12.0, 12.0]
    assert rate(ends, 3) == pytest.approx(3 / 1.5)
    assert rate(list(reversed(ends)), 3) == pytest.approx(3 / 1.5)


@pytest.mark.parametrize(("now", "worse"), [(0.30, False), (0.201, False), (0.199, True), (0.6, False)])
def test_a_ratio_is_worse_when_a_third_is_lost(now: float, *, worse: bool) -> None:
    assert Change(name="create: CPU", before=spread(0.3), now=spread(now)).worse is worse


def test_one_round_that_lost_nothing_is_enough() -> None:
    """The others may have been disturbed by something else on the machine."""
    now = Spread(median=0.1, low=0.1, high=0.21)
    assert not Change(name="create: CPU", before=spread(0.3), now=now).worse


def test_a_ratio_without_a_committed_one_is_not_worse() -> None:
    (found,) = changes({}, {"create: CPU": spread(0.01)})
    assert found.before is None
    assert not found.worse


def test_the_verdict_names_what_is_worse_and_nothing_else() -> None:
    before = {"create: CPU": spread(0.3), "create: latency": spread(0.3)}
    now = {"create: CPU": spread(0.15), "create: latency": spread(0.25)}
    assert verdict(changes(before, now)) == (
        "Worse by more than a third, as a share of the floor: create: CPU 0.30 -> 0.15"
    )
    assert verdict(changes(before, before)) is None


def test_what_is_worse_is_marked_in_the_table() -> None:
    before, now = {"create: CPU": spread(0.3)}, {"create: CPU": spread(0.15)}
    assert report.compared(changes(before, now)).rows == [
        ("create: CPU", "0.30 (0.15 to 0.30)", "0.15 (0.07 to 0.15)", "worse")
    ]


def test_the_page_shows_the_committed_result() -> None:
    committed = comparison.committed()
    assert committed is not None
    shown = f"{report.HEADING}\n{section(report.PAGE, report.HEADING.removeprefix('## '))}"
    assert shown.strip() == report.section(committed).strip()


def test_only_the_section_of_the_page_is_replaced() -> None:
    page = f"# Page\n\n{report.HEADING}\n\nold\n\n## Tried\n\nNothing.\n"
    new = report.replaced(page, f"{report.HEADING}\n\nnew\n")
    assert new == f"# Page\n\n{report.HEADING}\n\nnew\n\n## Tried\n\nNothing.\n"


def test_the_plot_has_a_bar_for_each_subject() -> None:
    drawn = report.plot(summarized(ROUNDS))
    assert FLOOR in drawn
    assert "create" in drawn


def test_every_column_of_a_table_is_a_different_measure() -> None:
    columns = [measure for table in report.TABLES.values() for measure in table.values()]
    assert sorted(columns) == sorted(Measure)
