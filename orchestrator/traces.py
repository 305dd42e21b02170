"""Traces of OpenTelemetry, if the program has switched them on; if not, nothing of it is imported."""

import atexit
import functools
import inspect
import logging
import re
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    import asyncpg
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.trace import Tracer
    from temporalio.worker import Interceptor

C = TypeVar("C")

PATIENCE = 1.0
"""Seconds that a program waits at its end for a collector to take the last spans."""

_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+(\w+)")


@dataclass(frozen=True)
class _Tracing:
    provider: "TracerProvider"
    tracer: "Tracer"
    interceptor: "Interceptor"


_switched_on: list[_Tracing] = []
"""Empty while traces are off."""


def switch_on(service: str, exporter: "SpanExporter | None" = None) -> None:
    """Trace what this program does from now on.

    Args:
        service: its name in the traces, unless OTEL_SERVICE_NAME gives one.
        exporter: what takes the spans; `None` sends them by OTLP over HTTP, as OpenTelemetry's variables say.
    """
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from temporalio.contrib.opentelemetry import TracingInterceptor

    named = SERVICE_NAME in OTELResourceDetector().detect().attributes
    # Not at the exit of Python: it would wait for a collector that does not answer.
    provider = TracerProvider(
        resource=Resource.create({} if named else {SERVICE_NAME: service}),
        id_generator=_ids_by_run(),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
    trace.set_tracer_provider(provider)  # clients of external systems may have spans of their own
    tracer = provider.get_tracer("subscriptions")
    interceptor = TracingInterceptor(tracer, always_create_workflow_spans=True)
    atexit.register(switch_off)
    _switched_on.append(_Tracing(provider, tracer, interceptor))


def _ids_by_run() -> "IdGenerator":
    """Return what makes the id of a trace that begins in a workflow or a step: the id of its run.

    So a process that no traced command has started has one trace, too, and not one for each attempt.
    """
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    from temporalio import activity, workflow

    class ByRun(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            run_id = activity.info().workflow_run_id if activity.in_activity() else None
            if workflow.in_workflow():
                run_id = workflow.info().run_id
            return UUID(run_id).int if run_id else super().generate_trace_id()

    return ByRun()


def switch_off() -> None:
    """Trace no longer; send what is not sent yet, and wait for that no longer than `PATIENCE`."""
    if not _switched_on:
        return
    sending = threading.Thread(target=_switched_on.pop().provider.shutdown, daemon=True)
    sending.start()
    sending.join(PATIENCE)


def flush() -> None:
    """Send what is not sent yet, and wait until it is."""
    for one in _switched_on:
        one.provider.force_flush()


def is_on() -> bool:
    """Return whether this program traces what it does."""
    return bool(_switched_on)


def interceptors() -> "Sequence[Interceptor]":
    """Return what carries the trace from the client through workflows to activities; nothing if it is off."""
    return [one.interceptor for one in _switched_on]


def current_trace_id() -> str | None:
    """Return the id of the trace that this code runs in, as OpenTelemetry writes it; `None` without one."""
    if not _switched_on:
        return None
    from opentelemetry import trace

    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


@contextmanager
def command(name: str, service: str) -> Iterator[None]:
    """Trace a command until it ends; what the exporter has to say about a collector is not printed."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    switch_on(service)
    try:
        with span(name):
            yield
    finally:
        switch_off()


def span(name: str) -> "AbstractContextManager[object]":
    """Return a span around a block of code; traces must be on."""
    return _switched_on[0].tracer.start_as_current_span(name)


def observer() -> "Callable[[asyncpg.Connection[asyncpg.Record]], Coroutine[Any, Any, None]] | None":
    """Return what makes a span of every statement of a new connection; `None` if traces are off."""
    return _observe if _switched_on else None


async def _observe(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    connection.add_query_logger(_note_statement)


def _note_statement(query: "asyncpg.connection.LoggedQuery") -> None:
    """Make a span of a statement that has ended; asyncpg calls this in the context of its caller."""
    from opentelemetry.trace import SpanKind, Status, StatusCode, get_current_span

    # Statements of no process, such as those that only look whether something is to be done, are not traced.
    if not _switched_on or not get_current_span().get_span_context().is_valid:
        return
    end = time.time_ns()
    text = " ".join(query.query.split())
    span = _switched_on[0].tracer.start_span(
        _name(text),
        kind=SpanKind.CLIENT,
        start_time=end - int(query.elapsed * 1e9),
        # The text alone: the values of the parameters belong to the customers.
        attributes={"db.system.name": "postgresql", "db.query.text": text},
    )
    if query.exception is not None:
        span.set_status(Status(StatusCode.ERROR, type(query.exception).__name__))
    span.end(end)


def _name(statement: str) -> str:
    table = _TABLE.search(statement)
    verb = statement.partition(" ")[0].rstrip(";").upper()
    return f"{verb} {table[1]}" if table else verb


def traced(system: str, client: C) -> C:
    """Return the client of an external system with a span around each call; itself if traces are off."""
    return _TracedClient(system, client) if _switched_on else client  # type: ignore[return-value]  # stands in


class _TracedClient:
    def __init__(self, system: str, client: object) -> None:
        self._system = system
        self._client = client

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if not inspect.iscoroutinefunction(attribute):
            return attribute

        @functools.wraps(attribute)
        async def call(*arguments: Any, **named: Any) -> Any:
            from opentelemetry.trace import SpanKind

            span = f"{self._system}.{name}"
            with _switched_on[0].tracer.start_as_current_span(span, kind=SpanKind.CLIENT):
                return await attribute(*arguments, **named)

        return call
