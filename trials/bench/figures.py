"""The figures of a run, and the arithmetic that makes them; pure."""

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict


class Measure(StrEnum):
    """What is measured of a subject."""

    ALONE_P50_MS = "alone_p50_ms"  # latency, one at a time
    ALONE_P95_MS = "alone_p95_ms"
    ALONE_P99_MS = "alone_p99_ms"
    STEADY_P50_MS = "steady_p50_ms"  # latency, at a steady rate
    STEADY_P99_MS = "steady_p99_ms"
    PER_SECOND = "per_second"  # throughput, with two workers
    PER_SECOND_1_WORKER = "per_second_1_worker"
    CPU_SERVER_MS = "cpu_server_ms"  # of one process, at full load
    CPU_WORKERS_MS = "cpu_workers_ms"
    CPU_POSTGRESQL_MS = "cpu_postgresql_ms"
    CPU_MS = "cpu_ms"  # the three above together
    CPU_CLIENT_MS = "cpu_client_ms"
    EVENTS = "events"  # of the history
    HISTORY_BYTES = "history_bytes"
    PAYLOAD_BYTES = "payload_bytes"
    ACTIONS = "actions"  # that Temporal Cloud would bill


class Spread(BaseModel):
    """The median of all rounds, with the smallest and the largest value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return the spread of at least one value, to three decimals."""
        found = (statistics.median(values), min(values), max(values))
        median, low, high = (round(value, 3) for value in found)
        return cls(median=median, low=low, high=high)


FLOOR = "empty workflow"
"""The subject that all ratios are taken to."""

Measured = dict[Measure, float]
Figures = dict[str, dict[Measure, Spread]]
"""What all rounds have measured, by subject."""


@dataclass
class Round:
    """What one round has measured, by subject."""

    figures: dict[str, Measured]
    beside: dict[str, Measured]
    """Full load of the floor just before and after that of each process: both have the same neighbours."""


SHARES = {
    "throughput": (Measure.PER_SECOND, True),
    "latency": (Measure.ALONE_P50_MS, False),
    "CPU": (Measure.CPU_MS, False),
}
"""The ratios to the floor: their measure, and whether more of it is better."""


class Load(BaseModel):
    """How much of everything a run measures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounds: int
    alone: int
    """Processes of each subject that run one at a time, in each round."""
    concurrency: int
    """Processes at a time when throughput and CPU are measured."""
    cheap: int
    """Processes of each cheap subject (the empty workflow, the SQL) when throughput and CPU are measured."""
    dear: int
    """Processes of every other subject when throughput and CPU are measured."""
    per_second: int
    """Processes started each second when the latency at a steady rate is measured."""
    seconds: int
    """Seconds of that steady rate."""


class Machine(BaseModel):
    """The machine and the versions that the figures belong to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cores: int | None
    load_average: tuple[float, float, float]
    """Load average over 1, 5 and 15 minutes, before the run."""
    python: str
    temporalio: str
    temporal_server: str
    postgresql: str


class Result(BaseModel):
    """The result of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: Machine
    load: Load
    figures: Figures
    ratios: dict[str, Spread]
    """Share of the floor: 1 means as good as an empty workflow, 0.25 four times as slow or as dear."""


def summarized(rounds: Sequence[Round]) -> Figures:
    """Return the spread of every measure of every subject over the rounds."""
    first = rounds[0].figures
    return {
        subject: {
            measure: Spread.of([one.figures[subject][measure] for one in rounds])
            for measure in Measure
            if measure in first[subject]
        }
        for subject in first
    }


def ratios(rounds: Sequence[Round]) -> dict[str, Spread]:
    """Return the ratios to the floor of every process; each is taken within its round."""
    return {
        f"{subject}: {name}": Spread.of([_share(one, subject, measure, more=more) for one in rounds])
        for subject in rounds[0].beside
        for name, (measure, more) in SHARES.items()
    }


def averaged(measured: Collection[Measured]) -> Measured:
    """Return the mean of every measure."""
    return {measure: statistics.fmean(one[measure] for one in measured) for measure in next(iter(measured))}


def _share(one: Round, subject: str, measure: Measure, *, more: bool) -> float:
    own, floor = one.figures[subject][measure], (one.figures[FLOOR] | one.beside[subject])[measure]
    return own / floor if more else floor / own


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent of at least two values do not exceed, interpolated."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def rate(ends: Sequence[float], concurrency: int) -> float:
    """Return how many processes ended per second while the places were full.

    The first and the last ones do not count: then the machine is not yet or no longer busy.

    Args:
        ends: seconds at which each process ended, in any order; more than twice the concurrency.
        concurrency: number of places.
    """
    window = sorted(ends)[concurrency - 1 : len(ends) - concurrency]
    return (len(window) - 1) / (window[-1] - window[0])
