"""The metrics of a worker: what this project adds to those of Temporal's SDK, on the same address."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError
from temporalio import activity
from temporalio.common import MetricMeter
from temporalio.exceptions import ApplicationError
from temporalio.runtime import LoggingConfig, PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from orchestrator.domain.errors import DomainError


@dataclass(frozen=True)
class Metric:
    """A metric, as Prometheus shows it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    """Counters end with `_total`. Histograms end with `_seconds` and count durations."""
    labels: tuple[str, ...]
    meaning: str


ENDED = Metric(
    "orchestrator_processes_ended_total",
    "counter",
    ("workflow", "target", "end"),
    "Processes that have ended.",
)
STEP = Metric(
    "orchestrator_step_duration_seconds",
    "histogram",
    ("workflow", "step", "result"),
    "Attempts of the activity of each step: completed, passing (Temporal retries it), final, or cancelled.",
)
RETRIES = Metric(
    "orchestrator_step_retries_total",
    "counter",
    ("workflow", "step"),
    "Attempts of the activity of each step after its first one.",
)
CALL = Metric(
    "orchestrator_external_call_duration_seconds",
    "histogram",
    ("system", "call", "result"),
    "Calls of each external system: answered, refused (for good), or failed.",
)
PROCESSES = Metric(
    "orchestrator_processes", "gauge", ("status",), "Open processes that are running, parked or waiting."
)
OLDEST_WAITING = Metric(
    "orchestrator_oldest_waiting_seconds",
    "gauge",
    (),
    "How long the process that waits longest has waited, as far as this worker has seen it.",
)
SUBSCRIPTIONS = Metric(
    "orchestrator_subscriptions", "gauge", ("product", "status", "in_sync"), "Subscriptions."
)
OUT_OF_SYNC = Metric(
    "orchestrator_out_of_sync",
    "gauge",
    ("reason",),
    "Subscriptions out of sync: held by a process that is running, parked, failed or lost, or a discrepancy.",
)
MISSING = Metric(
    "orchestrator_schema_missing_migrations",
    "gauge",
    (),
    "Migrations of this release that the database lacks.",
)
TOO_NEW = Metric(
    "orchestrator_schema_too_new",
    "gauge",
    (),
    "1 if a newer release has migrated the database, and this one cannot work with it; else 0.",
)
BYTES = Metric(
    "orchestrator_table_bytes",
    "gauge",
    ("table",),
    "Size of a table of the trail or the ledger, with indexes.",
)
ROWS = Metric(
    "orchestrator_table_rows", "gauge", ("table",), "Rows of such a table, as PostgreSQL estimates."
)
READ_AT = Metric(
    "orchestrator_last_read_timestamp_seconds",
    "gauge",
    (),
    "When this worker last read the gauges from PostgreSQL and Temporal.",
)

ALL = (
    *(ENDED, STEP, RETRIES, CALL),
    *(PROCESSES, OLDEST_WAITING, SUBSCRIPTIONS, OUT_OF_SYNC),
    *(MISSING, TOO_NEW, BYTES, ROWS, READ_AT),
)

SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600]
"""Upper bounds of the buckets of all durations: up to an hour, because some alerts begin at 30 minutes."""
LATENCIES = (
    "temporal_workflow_task_schedule_to_start_latency",
    "temporal_activity_schedule_to_start_latency",
    "temporal_workflow_task_execution_latency",
    "temporal_local_activity_execution_latency",
    "temporal_activity_execution_latency",
    "temporal_request_latency",
)
"""The durations of the SDK that alerts and the dashboard read."""


class AddressNotUsable(Exception):
    """A worker cannot listen at the address of a setting."""

    def __init__(self, setting: str, address: str, cause: object) -> None:
        super().__init__(f"{setting}={address} cannot be used ({cause}): give a free port of this machine")


class Metrics:
    """Counts and measures, on a meter of the SDK; on its default meter that does nothing."""

    def __init__(self, meter: MetricMeter = MetricMeter.noop) -> None:
        self._instruments = {metric: _instrument(meter, metric) for metric in ALL}
        self._shown: dict[Metric, set[tuple[str, ...]]] = {}

    def count(self, metric: Metric, *labels: str) -> None:
        """Add one to a counter; the labels are in the order of the metric."""
        self._instruments[metric].add(1, _labelled(metric, labels))

    def record(self, metric: Metric, seconds: float, *labels: str) -> None:
        """Add a duration to a histogram."""
        self._instruments[metric].record(seconds, _labelled(metric, labels))

    def show(self, metric: Metric, value: float) -> None:
        """Set a gauge that has no labels."""
        self.show_all(metric, {(): value})

    def show_all(self, metric: Metric, values: Mapping[tuple[str, ...], float]) -> None:
        """Set a gauge for these labels; for others that it had before, set it to 0."""
        shown = self._shown.setdefault(metric, set())
        shown.update(values)
        for labels in shown:
            self._instruments[metric].set(float(values.get(labels, 0)), _labelled(metric, labels))


def _labelled(metric: Metric, labels: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(metric.labels, labels, strict=True))


def _instrument(meter: MetricMeter, metric: Metric) -> Any:
    match metric.kind:
        case "counter":
            return meter.create_counter(metric.name.removesuffix("_total"), metric.meaning)
        case "gauge":
            return meter.create_gauge_float(metric.name, metric.meaning)
        case "histogram":
            return meter.create_histogram_float(metric.name, metric.meaning)


SILENT = Metrics()
"""Measures nothing."""


def open_runtime(address: str, logs: LoggingConfig) -> Runtime:
    """Serve the metrics at this address from now on; return the SDK's runtime that does so.

    Args:
        logs: how that runtime logs.

    Raises:
        AddressNotUsable: when another program has this address, or this machine does not.
    """
    histograms = [metric.name for metric in ALL if metric.kind == "histogram"]
    served = PrometheusConfig(
        bind_address=address,
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides=dict.fromkeys([*histograms, *LATENCIES], SECONDS),
    )
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=served, logging=logs))
    except ValueError as error:
        cause = str(error).rpartition("exporter: ")[2]
        raise AddressNotUsable("METRICS_ADDRESS", address, cause) from None


class StepInterceptor(Interceptor):
    """Measures every attempt of every activity.

    It stands inside the other interceptors: it sees the errors that the activities raise.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Activity(next, self._metrics)


class _Activity(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, metrics: Metrics) -> None:
        super().__init__(next)
        self._metrics = metrics

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info, began, result = activity.info(), time.monotonic(), "cancelled"
        labels = info.workflow_type or "", info.activity_type
        if info.attempt > 1:
            self._metrics.count(RETRIES, *labels)
        try:
            answer = await super().execute_activity(input)
        except Exception as error:
            result = "final" if _is_final(error) else "passing"
            raise
        else:
            result = "completed"
            return answer
        finally:
            self._metrics.record(STEP, time.monotonic() - began, *labels, result)


def _is_final(error: Exception) -> bool:
    if isinstance(error, ApplicationError):
        return error.non_retryable
    return isinstance(error, DomainError | ValidationError)
