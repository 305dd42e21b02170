"""Metrics that a test can read."""

from collections import Counter
from collections.abc import Mapping

from orchestrator.temporal.metrics import Metric, Metrics


class RecordedMetrics(Metrics):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: Counter[tuple[Metric, tuple[str, ...]]] = Counter()
        self.recorded: Counter[tuple[Metric, tuple[str, ...]]] = Counter()
        self.shown: dict[Metric, Mapping[tuple[str, ...], float]] = {}

    def count(self, metric: Metric, *labels: str) -> None:
        super().count(metric, *labels)
        self.counted[metric, labels] += 1

    def record(self, metric: Metric, seconds: float, *labels: str) -> None:
        super().record(metric, seconds, *labels)
        self.recorded[metric, labels] += 1

    def show_all(self, metric: Metric, values: Mapping[tuple[str, ...], float]) -> None:
        super().show_all(metric, values)
        self.shown[metric] = values

    def ends(self) -> dict[tuple[str, ...], int]:
        """Return how many processes have ended, by workflow, target and end."""
        return {
            labels: times
            for (metric, labels), times in self.counted.items()
            if metric.name.endswith("ended_total")
        }
