"""The worker as a program: how it starts, how it stops, and what it refuses."""

import asyncio
import os
import re
import signal
import sys
import textwrap
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from orchestrator.database.connection import Pool, open_pool
from orchestrator.database.migrate import require_current_schema
from orchestrator.domain.subscription import Status
from orchestrator.operations.own_temporal import require_own_temporal
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import ROOT, Endpoints
from tests.conftest import new_database
from tests.database.stored import store_process
from tests.database.structure import with_new_role
from tests.endpoints import variables, with_database
from tests.processes import Processes, eventually
from worker import prepare_databases


@pytest.fixture(scope="module")
async def endpoints(endpoints: Endpoints, postgres: str, prepared: str) -> Endpoints:
    """A database of its own: a process that another test has left open would take the faults."""
    return with_database(endpoints, await new_database(postgres, prepared))


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_that_is_stopped_finishes_its_activities(
    endpoints: Endpoints,
    processes_of_program: Processes,
    groups: FakeGroupManagement,
    stop: int,
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=2, times=1))
    worker = await start_worker(endpoints)
    handle = await processes_of_program.create_user_group()
    await eventually(lambda: struck(groups))
    worker.send_signal(stop)
    assert await worker.wait() == 0
    assert await groups.find_group(processes_of_program.subscription_id(handle)) is not None
    next_worker = await start_worker(endpoints)
    created = await handle.result()
    next_worker.send_signal(stop)
    assert await next_worker.wait() == 0
    assert created.status is Status.ACTIVE
    assert (await processes_of_program.steps(handle))[3].attempts == 1


async def test_a_worker_stores_what_opens_the_external_systems(endpoints: Endpoints, pool: Pool) -> None:
    await pool.execute("DELETE FROM external_systems")
    worker = await start_worker(endpoints)
    stored = await eventually(lambda: stored_openers(pool))
    worker.send_signal(signal.SIGTERM)
    assert await worker.wait() == 0
    assert stored["group_management"] == "services.fake_group_management:open_fake_group_management"


async def test_an_empty_database_gets_one_line(endpoints: Endpoints, postgres: str) -> None:
    said = await refusal(with_database(endpoints, await new_database(postgres)))
    assert re.fullmatch(r'worker: The database is empty, this code needs \d+: run "make migrate"\n', said)


async def test_an_unreachable_temporal_gets_one_line(endpoints: Endpoints) -> None:
    gone = endpoints.model_copy(update={"temporal": {"target_host": "127.0.0.1:1"}})
    assert (await refusal(gone)).startswith(
        "worker: Cannot reach Temporal at 127.0.0.1:1 (Connection refused)"
    )


@pytest.mark.parametrize("half", ["TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID"])
async def test_half_a_version_gets_one_line(endpoints: Endpoints, half: str) -> None:
    said = await refusal(endpoints, version={half: "1.0"})
    assert re.fullmatch(rf"worker: {half} is set but TEMPORAL_\w+ is not: set both, or neither .*\n", said)
    assert said.count(half) == 1


async def test_an_invalid_deployment_name_gets_one_line(
    endpoints: Endpoints,
) -> None:
    version = {"TEMPORAL_DEPLOYMENT_NAME": "subscriptions.eu", "TEMPORAL_WORKER_BUILD_ID": "1.0"}
    said = await refusal(endpoints, version=version)
    assert re.fullmatch(r"worker: TEMPORAL_DEPLOYMENT_NAME=subscriptions\.eu: .* cannot contain '\.'\n", said)


@pytest.mark.parametrize("setting", ["METRICS_ADDRESS", "HEALTH_ADDRESS"])
async def test_an_address_in_use_gets_one_line(endpoints: Endpoints, setting: str) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    address = f"127.0.0.1:{taken.sockets[0].getsockname()[1]}"
    async with taken:
        said = await refusal(endpoints, version={setting: address})
    assert re.fullmatch(
        rf"worker: {setting}={address} cannot be used \(.*\): give a free port .*\n", said, re.IGNORECASE
    )


async def test_migrate_can_grant_a_role_its_rights(endpoints: Endpoints) -> None:
    worker = await with_new_role(endpoints.database_url.get_secret_value(), "")
    role = worker.partition("//")[2].partition("@")[0]
    await refusal(endpoints, "--migrate", "--grant-to", role, code=0)
    await require_current_schema(worker)


async def test_granting_without_migrating_is_wrong_usage(
    endpoints: Endpoints,
) -> None:
    assert "--grant-to belongs to --migrate" in await refusal(endpoints, "--grant-to", "worker", code=2)


async def test_a_role_without_rights_gets_one_line(endpoints: Endpoints) -> None:
    url = await with_new_role(endpoints.database_url.get_secret_value(), "")
    said = await refusal(with_database(endpoints, url))
    assert re.fullmatch(r'worker: PostgreSQL refuses: permission denied .*--grant-to ROLE"\n', said)


async def test_a_worker_outlives_its_reconciler(client: Client, endpoints: Endpoints, postgres: str) -> None:
    """A row of the trail that nobody can read fails every round of the reconciler."""
    database_url = await new_database(postgres)
    own = with_database(endpoints, database_url)
    await prepare_databases(own)
    async with await open_pool(database_url) as pool:
        await require_own_temporal(client, pool)
        await store_process(pool)
        await pool.execute("ALTER TABLE processes DROP CONSTRAINT processes_target_known")
        await pool.execute("UPDATE processes SET target = 'UNHEARD OF'")
        worker = await start_worker(own)
        assert worker.stderr is not None
        async with asyncio.timeout(30):
            said = await worker.stderr.readuntil(b"the reconciler has failed; it starts again in")
    worker.send_signal(signal.SIGTERM)
    _, last_words = await worker.communicate()
    assert worker.returncode == 0
    assert "ValidationError" in (said + last_words).decode()


async def test_a_forbidden_import_in_a_workflow_stops_the_worker(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "careless_workflow.py").write_text(
        textwrap.dedent(
            """
            from temporalio import workflow
            from activities.user_group import UserGroupActivities

            @workflow.defn
            class Careless:
                @workflow.run
                async def run(self) -> None: ...
            """
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    from careless_workflow import Careless  # type: ignore[import-not-found]  # noqa: PLC0415  # just written

    with pytest.raises(RuntimeError, match="Failed validating workflow Careless") as refused:
        Worker(client, task_queue="careless", workflows=[Careless])
    assert "activities" in str(refused.value.__cause__)


@pytest.fixture
def processes_of_program(processes: Processes) -> Processes:
    """Start processes on the task queue of the program."""
    processes.task_queue = "subscriptions"
    return processes


async def start_worker(endpoints: Endpoints, *arguments: str, **version: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "worker.py"),
        *arguments,
        env=os.environ | variables(endpoints) | version,
        stderr=asyncio.subprocess.PIPE,
    )


async def refusal(
    endpoints: Endpoints, *arguments: str, code: int = 1, version: dict[str, str] | None = None
) -> str:
    worker = await start_worker(endpoints, *arguments, **version or {})
    async with asyncio.timeout(30):
        _, stderr = await worker.communicate()
    assert worker.returncode == code
    return stderr.decode()


async def struck(groups: FakeGroupManagement) -> bool | None:
    """Return whether the fault for one call is used up."""
    return None if await groups.system.faults() else True


async def stored_openers(pool: Pool) -> dict[str, str] | None:
    rows = await pool.fetch("SELECT name, opened_by FROM external_systems")
    return {row["name"]: row["opened_by"] for row in rows} or None
