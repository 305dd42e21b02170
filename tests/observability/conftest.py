"""The log of this process as a program would write it, and a worker whose work is traced."""

import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

import pytest
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import Client

from logs import JsonFormatter, complete
from orchestrator import traces
from orchestrator.temporal.connection import connect
from settings import Endpoints
from tests.observability.spans import Spans
from worker import open_worker

Lines: TypeAlias = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Return the lines about the process with this id."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(complete)
    handler.setFormatter(JsonFormatter())
    log = logging.getLogger("worker")
    before = log.level
    log.setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)

    def about(process_id: str) -> list[dict[str, Any]]:
        read = [json.loads(line) for line in written.getvalue().splitlines()]
        return [line for line in read if line.get("process_id") == process_id]

    yield about
    logging.getLogger().removeHandler(handler)
    log.setLevel(before)


@contextmanager
def switched_on(exporter: SpanExporter) -> Iterator[None]:
    traces.switch_on("tests", exporter)
    try:
        yield
    finally:
        traces.switch_off()


@pytest.fixture
def spans() -> Iterator[Spans]:
    """Trace what this process does, and keep the spans."""
    exporter = InMemorySpanExporter()
    with switched_on(exporter):
        yield Spans(exporter, traces.flush)


@pytest.fixture
async def traced_client(spans: Spans, endpoints: Endpoints) -> Client:
    return await connect(endpoints.temporal)


@asynccontextmanager
async def running_worker(client: Client, endpoints: Endpoints, task_queue: str) -> AsyncIterator[None]:
    async with open_worker(client, endpoints, task_queue=task_queue) as worker, worker:
        yield
