"""What a worker counts and measures."""

import urllib.request
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client, WorkflowFailureError

from logs import core_logs
from orchestrator.process.ledger import Moment
from orchestrator.process.messages import StepRun
from orchestrator.temporal.metrics import (
    CALL,
    ENDED,
    RETRIES,
    STEP,
    SUBSCRIPTIONS,
    AddressNotUsable,
    Metrics,
    open_runtime,
)
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import Endpoints
from stack.ports import free_port
from tests.moments import Moments
from tests.observability.recorded import RecordedMetrics
from tests.processes import Processes, eventually
from worker import open_worker

COMPLETED = ("create_user_group", "CREATE", "completed")


@pytest.fixture
def metrics() -> RecordedMetrics:
    return RecordedMetrics()


@pytest.fixture
async def worker(
    client: Client, endpoints: Endpoints, task_queue: str, moments: Moments, metrics: RecordedMetrics
) -> AsyncIterator[None]:
    opening = open_worker(client, endpoints, task_queue=task_queue, at_moment=moments, metrics=metrics)
    async with opening as worker, worker:
        yield


@pytest.mark.usefixtures("worker")
async def test_a_process_is_counted_when_it_completes(processes: Processes, metrics: RecordedMetrics) -> None:
    await (await processes.create_user_group()).result()
    assert metrics.ends() == {COMPLETED: 1}
    step = ("create_user_group", "provision_user_group", "completed")
    assert metrics.recorded[STEP, step] == 1
    assert metrics.recorded[CALL, ("group_management", "provision_group", "answered")] == 1


@pytest.mark.usefixtures("worker")
async def test_a_repeated_commit_is_counted_once(
    processes: Processes, metrics: RecordedMetrics, moments: Moments
) -> None:
    failed: list[StepRun] = []

    async def lose_the_answer(run: StepRun, moment: Moment) -> None:
        if run.step == "resync" and moment == "after the commit" and not failed:
            failed.append(run)
            raise ConnectionError("the answer is lost")

    moments.acts.append(lose_the_answer)
    await (await processes.create_user_group()).result()
    assert len(failed) == 1
    assert metrics.ends() == {COMPLETED: 1}
    assert metrics.recorded[STEP, ("create_user_group", "resync", "passing")] == 1
    assert metrics.counted[RETRIES, ("create_user_group", "resync")] == 1


@pytest.mark.usefixtures("worker")
async def test_an_aborted_process_is_counted_as_aborted(
    processes: Processes, metrics: RecordedMetrics, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Metrics"))
    handle = await processes.create_user_group("Metrics")
    call = ("group_management", "provision_group", "refused")
    await eventually(lambda: seen(metrics, call), seconds=60)
    assert metrics.ends() == {}
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert metrics.ends() == {("create_user_group", "CREATE", "aborted"): 1}
    assert metrics.recorded[STEP, ("create_user_group", "provision_user_group", "final")] == 1


@pytest.mark.usefixtures("worker")
async def test_a_discrepancy_is_counted_as_failed(
    processes: Processes, metrics: RecordedMetrics, groups: FakeGroupManagement
) -> None:
    group = await processes.active_group("As it was")
    await groups.system.tamper(group, {"group_name": "Changed"})
    with pytest.raises(WorkflowFailureError):
        await (await processes.start("validate_user_group", group)).result()
    assert metrics.ends()["validate_user_group", "VALIDATE", "failed"] == 1


@pytest.mark.usefixtures("worker")
async def test_a_refused_process_is_counted_as_refused(
    processes: Processes, metrics: RecordedMetrics
) -> None:
    group = await processes.active_group("Ends")
    await (await processes.start("terminate_user_group", group)).result()
    with pytest.raises(WorkflowFailureError):
        await (await processes.start("modify_user_group", group, group_name="Late")).result()
    assert metrics.ends()["modify_user_group", "MODIFY", "refused"] == 1


async def test_the_address_serves_what_was_measured() -> None:
    address = f"127.0.0.1:{free_port()}"
    runtime = open_runtime(address, core_logs())
    metrics = Metrics(runtime.metric_meter)
    metrics.count(ENDED, *COMPLETED)
    metrics.record(STEP, 0.3, "create_user", "resync", "completed")
    metrics.show_all(SUBSCRIPTIONS, {("User", "active", "yes"): 3})
    metrics.show_all(SUBSCRIPTIONS, {("User", "terminated", "yes"): 3})
    served = serving(address)
    assert 'orchestrator_processes_ended_total{end="completed",' in served
    assert 'orchestrator_step_duration_seconds_bucket{result="completed",' in served
    shown = [line for line in served.splitlines() if line.startswith("orchestrator_subscriptions{")]
    assert [line.endswith(" 0") for line in shown if 'status="active"' in line] == [True]
    assert [line.endswith(" 3") for line in shown if 'status="terminated"' in line] == [True]


async def test_an_address_in_use_is_refused() -> None:
    address = f"127.0.0.1:{free_port()}"
    first = open_runtime(address, core_logs())
    with pytest.raises(
        AddressNotUsable, match=rf"METRICS_ADDRESS={address} cannot be used \(Address already"
    ):
        open_runtime(address, core_logs())
    assert first.metric_meter is not None


async def seen(metrics: RecordedMetrics, call: tuple[str, str, str]) -> bool | None:
    return True if metrics.recorded[CALL, call] else None


def serving(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=60) as answer:
        text: str = answer.read().decode()
    return text
