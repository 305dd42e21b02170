"""Inputs that hypothesis generates; each kind has databases of its own."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from orchestrator.database.connection import Pool
from orchestrator.temporal.task_queue import TASK_QUEUE
from services.fake_system import FakeSystem
from settings import Endpoints
from tests.alone import conftest as alone
from tests.endpoints import variables
from tests.fuzz.stage import Stage
from tests.fuzz.tally import Tally
from worker import open_worker

endpoints = alone.endpoints  # each test has databases of its own, too


@pytest.fixture
def task_queue() -> str:
    return TASK_QUEUE  # the task queue of the command line


@pytest.fixture
async def stage(
    client: Client,
    endpoints: Endpoints,
    pool: Pool,
    systems: list[FakeSystem],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Stage]:
    """A worker, some subscriptions, and the command line."""
    for name, value in variables(endpoints).items():
        monkeypatch.setenv(name, value)
    await end_all(client)
    async with open_worker(client, endpoints) as worker, worker:
        yield Stage(client, pool, systems)


async def end_all(client: Client) -> None:
    """Terminate what other tests have left open: the worker would go on with it, and write rows."""
    async for one in client.list_workflows("ExecutionStatus = 'Running'"):
        with suppress(RPCError):  # it has ended meanwhile
            await client.get_workflow_handle(one.id).terminate("another test begins")


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Tally]]:
    """Creates the counter for a kind of input; the counts are printed at the end."""
    made: list[Tally] = []

    def begin(kind: str) -> Tally:
        made.append(Tally(kind))
        return made[-1]

    yield begin
    request.node.user_properties += [(one.kind, dict(one.counts)) for one in made]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the counts, including those of other test processes."""
    tried: dict[str, Counter[str]] = {}
    for report in [one for found in terminalreporter.stats.values() for one in found]:
        for kind, counts in getattr(report, "user_properties", ()):
            if getattr(report, "when", "") == "teardown":
                tried.setdefault(kind, Counter()).update(counts)
    if not tried:
        return
    terminalreporter.section("inputs that were made up")
    total = sum(tried.values(), Counter())
    for kind, counts in (tried | {"in all": total}).items():
        refused, accepted = counts["refused"], counts["accepted"]
        terminalreporter.line(f"{kind:14}{counts.total():6} tried,{refused:6} refused,{accepted:6} accepted")
