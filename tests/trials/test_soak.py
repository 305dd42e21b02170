"""A soak shows its samples as tables and plots."""

from trials.audit import Report
from trials.soak import Sample, Soak, draw, memory_by_tenths, plots

SAMPLES = [
    Sample(at=at, started=min(20 * at, 100), ended=10 * at, memory={"worker": 100.0 + at, "temporal": 300.0})
    for at in range(11)
]
SOAK = Soak(
    creates=100,
    kills=0,
    seconds_of_starting=5,
    seconds=10,
    samples=SAMPLES,
    report=Report(processes={}, subscriptions=0, retries=0, findings=[]),
)


def test_the_backlog_is_what_was_accepted_and_has_not_ended() -> None:
    assert [sample.backlog for sample in SAMPLES] == [0, 10, 20, 30, 40, 50, 40, 30, 20, 10, 0]


def test_the_memory_is_told_for_each_tenth_of_what_has_ended() -> None:
    assert memory_by_tenths(SOAK, "worker") == "101 102 103 104 105 106 107 108 109 110"


def test_what_did_not_end_has_no_memory_to_tell() -> None:
    short = SOAK.model_copy(update={"samples": SAMPLES[:8]})
    assert memory_by_tenths(short, "worker") == "101 102 103 104 105 106 107 - - -"


def test_the_rate_is_that_of_the_last_samples() -> None:
    (rate,) = plots(SAMPLES)["creates ended per second, of the last 10 seconds"].values()
    assert rate[5:] == [10.0] * 6


def test_every_line_of_a_plot_is_drawn_and_named() -> None:
    drawn = draw("memory", [0.0, 1.0, 2.0], {"worker": [1, 2, 3], "temporal": [3, 2, 1]})
    assert "memory" in drawn
    assert "worker" in drawn
    assert "temporal" in drawn
