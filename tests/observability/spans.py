"""The spans that a test has made."""

from collections.abc import Callable
from dataclasses import dataclass

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@dataclass(frozen=True)
class Spans:
    """The spans that have ended."""

    exporter: InMemorySpanExporter
    flush: Callable[[], None]

    def of(self, process_id: str) -> list[ReadableSpan]:
        """Return the spans of every trace that names this process."""
        self.flush()
        every = self.exporter.get_finished_spans()
        named = {trace_id(one) for one in every if process_id in (one.attributes or {}).values()}
        return [one for one in every if trace_id(one) in named]

    def tree(self, process_id: str) -> set[tuple[str, str | None]]:
        """Return the name of each span, with that of its parent; `None` if it has none."""
        found = self.of(process_id)
        names = {one.context.span_id: one.name for one in found if one.context}
        return {(one.name, names[one.parent.span_id] if one.parent else None) for one in found}


def trace_id(span: ReadableSpan) -> int:
    """Return the id of the trace that the span belongs to."""
    assert span.context is not None
    number: int = span.context.trace_id
    return number
