"""The figures of `make bench-growth` say what gets slower, and the page shows the last ones."""

from tests.docs.pages import section
from trials.bench.figures import Spread
from trials.bench.report import PAGE
from trials.growth import report
from trials.growth.figures import Figure, Result, Times, figure, medians, verdict


def test_the_median_of_a_list_has_its_page() -> None:
    assert medians([Times(1, 2, 3), Times(5, 6, 7), Times(2, 3, 4)]) == Times(2, 3, 4)
    assert medians([Times(1, 2, None)]) == Times(1, 2, None)


def test_a_ratio_is_taken_within_its_round() -> None:
    found = figure([Times(1, 2, None), Times(10, 11, None), Times(1, 3, None)], rows=None)
    assert found.ratio == Spread.of([2, 1.1, 3])


def grown(*ratios: float, page: float = 1) -> Figure:
    return figure([Times(1, ratio, page) for ratio in ratios], rows=50)


def test_what_takes_longer_in_every_round_grows() -> None:
    """One round may have been disturbed by something else on the machine."""
    assert grown(1.21, 1.3, 1.25).grows
    assert not grown(1.19, 1.3, 1.25).grows


def test_the_verdict_names_what_must_be_wrong() -> None:
    figures = {"a list": grown(1.6), "another list": grown(1.0, page=51), "the gate": grown(1.4)}
    assert verdict(figures) == "Not flat: a list takes 1.60 times as long; another list takes 51 ms"
    assert verdict({"the gate": grown(1.4)}) is None


def test_the_page_shows_the_committed_result() -> None:
    committed = Result.model_validate_json(report.COMMITTED.read_bytes())
    shown = f"{report.HEADING}\n{section(PAGE, report.HEADING.removeprefix('## '))}"
    assert shown.strip() == report.section(committed).strip()
