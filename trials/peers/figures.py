"""The figures of a comparison, and the table that shows them."""

import statistics
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict

OURS = "this project"
FLOOR = "empty Temporal workflow"

HEAD = (
    "System",
    "Creates per second",
    "One create alone, p50 ms",
    "CPU ms per create",
    "Creates/s, times ours",
    "Creates/s, times the empty workflow",
)


class Load(BaseModel):
    """What each system has to do in each round, in seconds."""

    model_config = ConfigDict(frozen=True)

    rounds: int
    warm_up: float
    alone: float
    """One create after another."""
    together: float
    """As many creates at a time as `concurrency`."""
    concurrency: int


class Sample(BaseModel):
    """The figures of one system in one round."""

    model_config = ConfigDict(frozen=True)

    creates_per_second: float
    latency_p50_ms: float
    """Of creates that run alone."""
    latency_p95_ms: float
    cpu_ms_per_create: dict[str, float]
    """By part of the system; `client` is the process that starts the creates."""

    @property
    def cpu_ms(self) -> float:
        """CPU of all parts."""
        return sum(self.cpu_ms_per_create.values())


class SystemFigures(BaseModel):
    """The figures of one system."""

    model_config = ConfigDict(frozen=True)

    name: str
    """With its version, and whether it is tuned."""
    samples: list[Sample]
    failure: str | None
    """Why a round has no sample; `None` if every round has one."""

    def median(self, figure: Callable[[Sample], float]) -> float:
        """Return the median of a figure over the rounds."""
        return statistics.median(map(figure, self.samples))


class Figures(BaseModel):
    """All figures, and the machine and versions that they belong to."""

    model_config = ConfigDict(frozen=True)

    cores: int | None
    load_average: tuple[float, float, float]
    """Load average over 1, 5 and 15 minutes, before the run."""
    python: str
    temporalio: str
    postgresql: str
    load: Load
    systems: list[SystemFigures]


def rows(figures: Figures) -> list[tuple[str, ...]]:
    """Return a row for each system that was measured, the fastest first."""
    measured = [one for one in figures.systems if one.samples]
    references = [next((one for one in measured if one.name == name), None) for name in (OURS, FLOOR)]
    measured.sort(key=lambda one: -one.median(_rate))
    return [
        (
            one.name,
            _with_spread(one, _rate, 1),
            _with_spread(one, lambda sample: sample.latency_p50_ms, 0),
            _with_spread(one, lambda sample: sample.cpu_ms, 0),
            *(_times(one, reference) for reference in references),
        )
        for one in measured
    ]


def failures(figures: Figures) -> list[str]:
    """Return one line for each system that failed."""
    return [f"{one.name}: {one.failure}" for one in figures.systems if one.failure]


def _rate(sample: Sample) -> float:
    return sample.creates_per_second


def _with_spread(one: SystemFigures, figure: Callable[[Sample], float], digits: int) -> str:
    values = sorted(map(figure, one.samples))
    median = f"{one.median(figure):.{digits}f}"
    return median if len(values) == 1 else f"{median} ({values[0]:.{digits}f} to {values[-1]:.{digits}f})"


def _times(one: SystemFigures, reference: SystemFigures | None) -> str:
    return f"{one.median(_rate) / reference.median(_rate):.2f}" if reference else ""
