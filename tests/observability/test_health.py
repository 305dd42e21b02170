"""`/live` and `/ready` of a worker."""

import json
import urllib.error
import urllib.request
from asyncio import start_server, to_thread

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from orchestrator.database.connection import Pool
from orchestrator.database.migrate import known_versions
from orchestrator.operations.health import WorkerChecks, health_server
from orchestrator.temporal.metrics import AddressNotUsable
from settings import Endpoints
from stack.ports import free_port
from tests.processes import eventually
from worker import open_worker


class Given:
    """Checks with a known outcome."""

    def __init__(self, *problems: str) -> None:
        self.found = list(problems)

    async def problems(self) -> list[str]:
        return self.found


@pytest.fixture
def address() -> str:
    return f"127.0.0.1:{free_port()}"


async def ask(address: str, path: str, method: str = "GET") -> tuple[int, str]:
    request = urllib.request.Request(f"http://{address}{path}", method=method)
    try:
        with await to_thread(urllib.request.urlopen, request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def test_a_ready_worker_says_so(address: str) -> None:
    async with health_server(address, Given()):
        assert await ask(address, "/live") == (200, '{"live": true}\n')
        assert await ask(address, "/ready") == (200, '{"ready": true, "problems": []}\n')


async def test_a_worker_that_is_not_ready_says_why(address: str) -> None:
    async with health_server(address, Given("PostgreSQL does not answer")):
        status, body = await ask(address, "/ready")
        assert await ask(address, "/live") == (200, '{"live": true}\n')
    assert (status, body.count("\n")) == (503, 1)
    assert json.loads(body) == {"ready": False, "problems": ["PostgreSQL does not answer"]}


@pytest.mark.parametrize(("path", "method", "status"), [("/", "GET", 404), ("/ready", "POST", 405)])
async def test_other_requests_are_refused(address: str, path: str, method: str, status: int) -> None:
    async with health_server(address, Given()):
        assert (await ask(address, path, method))[0] == status


async def test_a_health_address_in_use_is_refused(address: str) -> None:
    host, _, port = address.rpartition(":")
    async with await start_server(lambda *_: None, host, int(port)):
        with pytest.raises(AddressNotUsable, match=rf"HEALTH_ADDRESS={address} cannot be used"):
            async with health_server(address, Given()):
                pass


async def test_no_address_serves_nothing() -> None:
    async with health_server(None, Given()):
        pass


async def test_a_polling_worker_is_ready(
    client: Client, endpoints: Endpoints, pool: Pool, task_queue: str
) -> None:
    checks = WorkerChecks(client, pool, task_queue, known_versions())
    assert await checks.problems() == [f'The worker does not poll the task queue "{task_queue}"']
    async with open_worker(client, endpoints, task_queue=task_queue) as worker, worker:
        assert isinstance(worker, Worker)
        await eventually(lambda: no_problem(checks), seconds=60)


async def test_a_schema_that_is_too_old_is_a_problem(client: Client, pool: Pool, task_queue: str) -> None:
    checks = WorkerChecks(client, pool, task_queue, [*known_versions(), "9999"])
    found = await checks.problems()
    assert found[0].startswith("The database is at version ")
    assert found[0].endswith('this code needs 9999: run "make migrate"')


async def no_problem(checks: WorkerChecks) -> bool | None:
    return None if await checks.problems() else True
