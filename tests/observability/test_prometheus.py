"""The rule file and the dashboard on a real Prometheus; run by `make alarms`."""

import subprocess
from collections.abc import AsyncIterator

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from orchestrator.temporal.metrics import ALL
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import Endpoints
from stack.ports import free_port
from tests.observability.files import ALERT_TESTS, ALERTS, queries
from tests.processes import Processes, eventually
from tests.test_worker import start_worker
from trials.prometheus import Prometheus, find_program, open_prometheus

pytestmark = pytest.mark.alarms

PATIENCE = 120.0
QUIET = ("temporal_request_failure_total",)
"""What no worker shows on a good day."""


@pytest.fixture(scope="module")
async def prometheus(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    async with open_prometheus(tmp_path_factory.mktemp("prometheus") / "p", factor=300) as prometheus:
        yield prometheus


@pytest.fixture
async def scraped(
    endpoints: Endpoints, prometheus: Prometheus, processes: Processes
) -> AsyncIterator[Processes]:
    """Processes of a worker that Prometheus scrapes."""
    address = f"127.0.0.1:{free_port()}"
    worker = await start_worker(endpoints, METRICS_ADDRESS=address)
    prometheus.scrape([address])
    processes.task_queue = "subscriptions"
    yield processes
    worker.terminate()
    await worker.communicate()


def test_every_alert_fires_and_keeps_silent_as_its_test_says() -> None:
    promtool = find_program("promtool")
    checked = subprocess.run(
        [promtool, "check", "rules", ALERTS], check=False, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr
    tested = subprocess.run(
        [promtool, "test", "rules", ALERT_TESTS], check=False, capture_output=True, text=True
    )
    assert tested.returncode == 0, tested.stderr + tested.stdout


async def test_every_query_of_the_dashboard_has_an_answer(
    scraped: Processes, prometheus: Prometheus, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="unreachable", times=2))
    group = await scraped.active_group("Dashboard")
    with pytest.raises((WorkflowFailureError, RPCError)):
        await (await scraped.start("modify_user_group", group, group_name="Ends", version=99)).result()
    asked = [query for query in queries() if not any(name in query for name in QUIET)]
    await eventually(lambda: all_answered(prometheus, asked), seconds=PATIENCE)
    for query in queries():
        await prometheus.ask(query)


async def test_every_metric_of_ours_is_served(
    scraped: Processes, prometheus: Prometheus, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="unreachable", times=2))
    await scraped.active_group("Served")
    for metric in ALL:
        name = f"{metric.name}_count" if metric.kind == "histogram" else metric.name
        await eventually(lambda name=name: all_answered(prometheus, [name]), seconds=PATIENCE)  # type: ignore[misc]


async def test_a_parked_process_fires_its_alert(
    scraped: Processes, prometheus: Prometheus, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Alarm"))
    handle = await scraped.create_user_group("Alarm")
    await eventually(lambda: has_fired(prometheus, "ProcessesParked"), seconds=PATIENCE)
    await handle.cancel()


async def all_answered(prometheus: Prometheus, asked: list[str]) -> bool | None:
    for query in asked:
        if not await prometheus.ask(query):
            return None
    return True


async def has_fired(prometheus: Prometheus, alert: str) -> bool | None:
    return True if alert in await prometheus.fired() else None
