"""One trace leads from the command through the process to every statement and call, if it is switched on."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID, uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from temporalio.client import Client
from temporalio.worker import Replayer

from orchestrator import traces
from orchestrator.database.connection import Pool
from orchestrator.temporal.connection import connect
from orchestrator.temporal.plugin import subscriptions_plugin
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import Endpoints
from telemetry_settings import wants_traces
from tests.endpoints import variables
from tests.observability.conftest import Lines, running_worker, switched_on
from tests.observability.spans import Spans, trace_id
from tests.processes import Processes
from tests.recorded import replay
from tests.starting import Program
from tests.test_dependencies import run_without
from workflows.user_group.create_user_group import CreateUserGroup

STEPS = ("create_subscription", "store_process_subscription", "initialize_subscription")
COMMAND = "starter.py create user-group"
START, CALL = "StartWorkflow:create_user_group", "group_management.provision_group"


@pytest.fixture
def traced(traced_client: Client, task_queue: str, pool: Pool) -> Processes:
    return Processes(traced_client, task_queue, pool)


async def test_a_process_is_one_trace_down_to_each_statement(
    spans: Spans, traced: Processes, endpoints: Endpoints
) -> None:
    async with running_worker(traced.client, endpoints, traced.task_queue):
        handle = await traced.create_user_group("Very secret")
        await handle.result()
    found = spans.of(handle.id)
    assert len({trace_id(one) for one in found}) == 1
    tree = spans.tree(handle.id)
    assert {(START, None), ("RunWorkflow:create_user_group", START)} <= tree
    for step in (*STEPS, "provision_user_group", "set_status", "resync"):
        run = f"RunActivity:{step}"
        assert {(f"StartActivity:{step}", START), (run, f"StartActivity:{step}")} <= tree
        assert {("BEGIN", run), ("COMMIT", run), ("SELECT process_steps", run)} <= tree
    assert {(CALL, "RunActivity:provision_user_group"), ("UPDATE records", CALL)} <= tree


async def test_a_span_of_a_statement_has_its_text_but_no_values(
    spans: Spans, traced: Processes, endpoints: Endpoints
) -> None:
    async with running_worker(traced.client, endpoints, traced.task_queue):
        handle = await traced.create_user_group("Very secret")
        await handle.result()
    found = spans.of(handle.id)
    texts = {str((one.attributes or {}).get("db.query.text")) for one in found}
    assert any(text.startswith("INSERT INTO subscriptions (") and "$1" in text for text in texts)
    assert not any("Very secret" in one.to_json() for one in found)


async def test_a_failed_call_is_an_error_in_its_trace(
    spans: Spans, traced: Processes, endpoints: Endpoints, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="unreachable", times=1))
    async with running_worker(traced.client, endpoints, traced.task_queue):
        handle = await traced.create_user_group()
        await handle.result()
    calls = [one.status.status_code for one in spans.of(handle.id) if one.name == CALL]
    assert sorted(calls, key=lambda code: code.value) == [StatusCode.UNSET, StatusCode.ERROR]


async def test_a_process_without_a_traced_start_is_one_trace(
    spans: Spans, traced: Processes, processes: Processes, endpoints: Endpoints, groups: FakeGroupManagement
) -> None:
    """It may have been started in the Web UI: then its id is that of the run."""
    await groups.system.order(Fault(kind="unreachable", times=2))
    async with running_worker(traced.client, endpoints, traced.task_queue):
        handle = await processes.create_user_group()
        await handle.result()
    found = spans.of(handle.id)
    assert {trace_id(one) for one in found} == {UUID(handle.first_execution_run_id).int}
    assert sum(one.name == "RunActivity:provision_user_group" for one in found) == 3


async def test_an_open_process_survives_that_traces_are_switched_on(
    client: Client, processes: Processes, endpoints: Endpoints, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", times=1))
    async with running_worker(client, endpoints, processes.task_queue):
        handle = await processes.create_user_group()
        await processes.until_parked(handle)
    exporter = InMemorySpanExporter()
    with switched_on(exporter):
        traced = await connect(endpoints.temporal)
        async with running_worker(traced, endpoints, processes.task_queue):
            await processes.retry(handle)
            await handle.result()
        assert ("RunActivity:resync", "StartActivity:resync") in Spans(exporter, traces.flush).tree(handle.id)


@pytest.mark.parametrize("name", ["create_user_group.retried", "apply_rows.goes_on", "start_later.moved"])
async def test_a_process_of_an_untraced_worker_replays(name: str, spans: Spans) -> None:
    await replay(name)
    assert spans.exporter.get_finished_spans() == ()


async def test_a_process_of_a_traced_worker_replays(
    spans: Spans, traced: Processes, endpoints: Endpoints
) -> None:
    async with running_worker(traced.client, endpoints, traced.task_queue):
        handle = await traced.create_user_group()
        await handle.result()
    history = await handle.fetch_history()
    made = spans.of(handle.id)
    assert made
    await replayer().replay_workflow(history)
    assert len(spans.of(handle.id)) == len(made)
    traces.switch_off()
    await replayer().replay_workflow(history)


async def test_lines_of_a_traced_step_name_the_trace(
    lines: Lines, spans: Spans, traced: Processes, endpoints: Endpoints
) -> None:
    async with running_worker(traced.client, endpoints, traced.task_queue):
        handle = await traced.create_user_group()
        await handle.result()
    told = {line["trace_id"] for line in lines(handle.id)}
    assert told == {f"{trace_id(one):032x}" for one in spans.of(handle.id)}


async def test_programs_send_one_trace_to_a_collector(endpoints: Endpoints) -> None:
    """The whole way: OpenTelemetry's variables, two programs, OTLP over HTTP."""
    process_id = f"traced-{uuid4()}"
    with collector() as (address, received):
        environment = os.environ | variables(endpoints) | {"OTEL_EXPORTER_OTLP_ENDPOINT": address}
        worker = await Program(environment, ("worker.py",)).start()
        command = ("create", "user-group", "--group-name", "Net", "--process-id", process_id)
        ended = await Program(environment, ("starter.py",))(*command)
        worker.terminate()
        await worker.communicate()
    assert ended.code == 0, ended.stderr
    services = {span.span_id: service for service, span in received}
    names = {span.span_id: span.name for _, span in received}
    one_trace = [span for _, span in received if names.get(span.parent_span_id, "") == COMMAND]
    assert START in {span.name for span in one_trace}
    every = [span for _, span in received if span.trace_id == one_trace[0].trace_id]
    assert [span.name for span in every if not span.parent_span_id] == [COMMAND]
    assert all(span.parent_span_id in names for span in every if span.parent_span_id)
    assert {services[span.span_id] for span in every} == {"subscriptions-starter", "subscriptions-worker"}
    assert {"RunActivity:resync", CALL, "INSERT subscriptions"} <= {span.name for span in every}


async def test_a_collector_that_is_gone_is_not_told(environment: dict[str, str]) -> None:
    gone = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    ended = await Program(environment | gone, ("starter.py", "subscriptions", "--limit", "1"))()
    assert ended.code == 0
    assert "127.0.0.1:1" not in ended.stdout + ended.stderr


def test_a_collector_that_hangs_does_not_hold_up_the_end() -> None:
    with switched_on(Stuck()), traces.span("waits"):
        began = time.monotonic()
    assert time.monotonic() - began < Stuck.SECONDS / 2


@pytest.mark.parametrize("program", ["worker", "starter"])
async def test_without_a_collector_opentelemetry_is_not_imported(
    program: str, environment: dict[str, str]
) -> None:
    look = (
        f"import {program}, sys, cli.connections; print(*(one for one in sys.modules if 'opentele' in one))"
    )
    ended = await Program(environment, ("-c", look))()
    assert (ended.code, ended.stdout) == (0, "\n")


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_a_collector_switches_traces_on(
    variables: dict[str, str], wanted: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert wants_traces() is wanted


async def test_a_collector_without_opentelemetry_gets_one_line(environment: dict[str, str]) -> None:
    collector = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    ended = await run_without({"opentelemetry"}, environment | collector, "worker.py")
    assert ended.code == 1
    assert ended.stderr.startswith("worker: A collector of traces is configured, but OpenTelemetry is not ")
    assert len(ended.stderr.splitlines()) == 1


class Stuck(SpanExporter):
    """An exporter whose collector does not answer."""

    SECONDS = 60

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        time.sleep(self.SECONDS)
        return SpanExportResult.FAILURE


def replayer() -> Replayer:
    return Replayer(workflows=[CreateUserGroup], plugins=[subscriptions_plugin()])


@contextmanager
def collector() -> Iterator[tuple[str, list[tuple[str, Span]]]]:
    """Receive spans; yield the address, and a list of them with the name of their service."""
    received: list[tuple[str, Span]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for sender in ExportTraceServiceRequest.FromString(body).resource_spans:
                attributes = {one.key: one.value.string_value for one in sender.resource.attributes}
                spans = [span for scope in sender.scope_spans for span in scope.spans]
                received.extend((attributes["service.name"], span) for span in spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
