"""No output, log, history or trail ever contains a password or an API key."""

import asyncio
import logging
import os
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from temporalio.client import Client

from cli.commands import run
from cli.faults import faults
from orchestrator.database.connection import DatabaseUnreachable, connect
from settings import ROOT, ConfigurationError, Settings, load_function
from stack.endpoints import find_endpoints
from tests.processes import Handle, Processes, eventually
from tests.security.conftest import PLANTED, Fronts
from tests.security.programs import set_environment
from tests.starting import Starter
from worker import main, open_worker

pytestmark = pytest.mark.filterwarnings("ignore:unclosed")  # see the conftest

Program = Callable[[], int]


def worker() -> int:
    return main()


def starter() -> int:
    return run(["subscriptions"])


def starter_with_json() -> int:
    return run(["create", "user-group", "--group-name", "Operators", "--json"])


def fault() -> int:
    with pytest.raises(SystemExit) as ended:
        faults(["group_management", "show"])
    return int(str(ended.value.code))


@pytest.mark.parametrize(
    "wrong",
    [
        {"DATABASE_URL": f"postgresql://worker:{PLANTED}@localhost:1/subscriptions"},
        {"DATABASE_URL": f"postgresql://worker:{PLANTED}@[::1/subscriptions"},
        {"DATABASE_URL": f"postgresql://worker:%zz{PLANTED}@localhost:nine/subscriptions"},
        {"DATABASE_URL": f"host=localhost password={PLANTED}"},
        {"DATABASE_URL": "another password"},
        {"DATABASE_URL": "another host"},
        {"TEMPORAL_ADDRESS": "localhost:1"},
        {"TEMPORAL_ADDRESS": "not an address"},
        {"TEMPORAL_TLS_CLIENT_KEY_PATH": "/nowhere"},
        {"TEMPORAL_TLS_CLIENT_KEY_DATA": PLANTED},
        {"TEMPORAL_TLS_SERVER_NAME": "elsewhere"},
        {"TEMPORAL_CONFIG_FILE": "broken"},
    ],
    ids=str,
)
@pytest.mark.parametrize("program", [worker, starter, starter_with_json, fault])
@pytest.mark.filterwarnings("ignore:Target host as URL with scheme")
def test_a_program_that_cannot_start_shows_no_secret(
    program: Program, wrong: dict[str, str], services: dict[str, str], caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fronts: Fronts,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    set_environment(monkeypatch, services | made(wrong, fronts))
    monkeypatch.setattr(sys, "argv", ["worker.py"])
    code, told = program(), capsys.readouterr()
    assert PLANTED not in told.out + told.err + caplog.text
    assert "Traceback" not in told.err
    assert len(told.err.splitlines()) <= 1
    assert code == 1


def made(wrong: dict[str, str], fronts: Fronts) -> dict[str, str]:
    (broken := fronts.files / "temporal.toml").write_text(f'[profile.default]\napi_key = "{PLANTED}\n')
    known = {
        "another password": fronts.url(password=f"no-{PLANTED}"),
        "another host": fronts.url(host="127.0.0.1"),
        "broken": str(broken),
    }
    return {name: known.get(value, value) for name, value in wrong.items()}


@pytest.fixture
def services(fronts: Fronts) -> dict[str, str]:
    """The variables of the programs without those of the external systems, which would be refused first."""
    return {
        name: value for name, value in fronts.environment().items() if not name.endswith("MANAGEMENT_URL")
    }


@pytest.mark.parametrize("program", [worker, fault])
def test_the_password_of_an_external_system_is_not_shown(
    program: Program, fronts: Fronts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {"GROUP_MANAGEMENT_URL": fronts.url("group_management", password=f"no-{PLANTED}")}
    set_environment(monkeypatch, fronts.environment() | wrong)
    monkeypatch.setattr(sys, "argv", ["worker.py"])
    code, told = program(), capsys.readouterr()
    assert code == 1
    assert "password authentication failed" in told.err
    assert PLANTED not in told.out + told.err


def test_a_url_in_place_of_a_function_is_not_shown() -> None:
    with pytest.raises(ConfigurationError, match="GROUP_MANAGEMENT: give module:function") as refusal:
        load_function("GROUP_MANAGEMENT", f"postgresql://groups:{PLANTED}@localhost/groups")
    assert PLANTED not in "".join(traceback.format_exception(refusal.value))


def test_settings_do_not_show_their_secrets(fronts: Fronts, monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, fronts.environment())
    settings = Settings.from_environment()
    endpoints = find_endpoints(settings)
    assert PLANTED in endpoints.database_url.get_secret_value()
    assert PLANTED in endpoints.temporal["api_key"]
    assert PLANTED in endpoints.url_of(endpoints.external_systems[0])
    assert PLANTED not in f"{settings!r} {settings} {endpoints!r} {endpoints}"


async def test_the_traceback_of_an_invalid_url_shows_no_part_of_it() -> None:
    with pytest.raises(DatabaseUnreachable) as refusal:
        await connect(f"postgresql://worker@localhost:{PLANTED}/subscriptions")
    assert PLANTED not in "".join(traceback.format_exception(refusal.value))


async def test_programs_that_use_tls_show_no_secret(fronts: Fronts, owner_url: str, client: Client) -> None:
    starter = Starter(without_services() | fronts.environment())
    create = ("create", "user-group", "--group-name", "Operators")
    async with program_running(starter.environment) as worker:
        made, shown = await asyncio.gather(
            starter.program(*create, "--process-id", "tls"), starter.program(*create, "--json")
        )
    told = [made.stdout, made.stderr, shown.stdout, shown.stderr, *worker]
    assert (made.code, shown.code) == (0, 0)
    assert shown.document["status"] == "completed"
    assert "ready: task queue subscriptions" in worker[0]
    assert PLANTED not in "".join(told)
    assert_kept_nothing(await history(client, "tls"), await trail(owner_url))


async def test_an_outage_of_postgresql_leaves_no_secret_in_the_history(
    fronts: Fronts, owner_url: str, processes: Processes, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    set_environment(monkeypatch, fronts.environment())
    caplog.set_level(logging.DEBUG)
    endpoints, role = find_endpoints(Settings.from_environment()), fronts.roles["worker"]
    async with open_worker(processes.client, endpoints, task_queue=processes.task_queue) as worker, worker:
        await change_password(owner_url, role, "another")
        handle = await processes.create_user_group("Operators")
        failure = await eventually(lambda: failure_of_pending(processes, handle))
        await change_password(owner_url, role, PLANTED)
        await handle.result()
    assert "password authentication failed for user" in failure
    assert PLANTED not in failure + caplog.text
    assert_kept_nothing(await history(processes.client, handle.id), await trail(owner_url))


@asynccontextmanager
async def program_running(environment: dict[str, str]) -> AsyncIterator[list[str]]:
    """Run a worker; its output is appended to the list at the end."""
    said: list[str] = []
    program = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "worker.py"), env=environment, stderr=asyncio.subprocess.PIPE
    )
    yield said
    program.terminate()
    async with asyncio.timeout(30):
        _, stderr = await program.communicate()
    said.append(stderr.decode())


def without_services() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("TEMPORAL_", "PG"))}


async def change_password(owner_url: str, role: str, password: str) -> None:
    """Change the password of the role, and close its connections."""
    connection = await connect(owner_url)
    await connection.execute(f"ALTER ROLE {role} PASSWORD '{password}'")
    await connection.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role)
    await connection.close()


async def failure_of_pending(processes: Processes, handle: Handle) -> str | None:
    """Return the last failure of the activity that is being retried."""
    pending = (await handle.describe()).raw_description.pending_activities
    return str(pending[0].last_failure) if pending and pending[0].HasField("last_failure") else None


async def history(client: Client, process_id: str) -> bytes:
    """Return the events as bytes, including their payloads."""
    found = await client.get_workflow_handle(process_id).fetch_history()
    return b"".join(event.SerializeToString() for event in found.events)


async def trail(owner_url: str) -> str:
    """Return every row of the trail and of the ledger."""
    connection = await connect(owner_url)
    rows = [
        *await connection.fetch("SELECT p::text FROM processes AS p"),
        *await connection.fetch("SELECT s::text FROM process_steps AS s"),
        *await connection.fetch("SELECT e::text FROM process_events AS e"),
        *await connection.fetch("SELECT n::text FROM subscription_notes AS n"),
    ]
    await connection.close()
    return "\n".join(row[0] for row in rows)


def assert_kept_nothing(history: bytes, trail: str) -> None:
    """Assert that history and trail contain the process and no secret."""
    assert b"Operators" in history
    assert "Operators" in trail
    assert PLANTED.encode() not in history
    assert PLANTED not in trail
