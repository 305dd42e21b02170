"""The systems that are compared: how each is started, and what its parts are."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from settings import ROOT
from stack.detached import is_running, start_detached, terminate
from stack.embedded import embedded_stack
from stack.ports import free_port
from trials.peers.clients import PATIENCE, Program
from trials.peers.environments import HERE, PeerFailed, last_line, lock_file, locked_version, python_of, run
from trials.peers.figures import FLOOR, OURS
from trials.peers.shared_postgres import SharedPostgres

WORKERS = 2


@dataclass(frozen=True)
class Surroundings:
    """What a system finds when it is started."""

    directory: Path
    """An empty directory of its own."""
    postgres: SharedPostgres
    database: str
    """The name of a database of its own."""


@dataclass(frozen=True)
class Running:
    """A system that runs."""

    client: Program
    parts: Mapping[str, Sequence[int]]
    """The processes of each part, without the client."""
    stores_subscriptions: bool = True


@dataclass(frozen=True)
class System:
    """A system that is compared."""

    name: str
    template: str
    """The database that its own is a copy of."""
    start: Callable[[Surroundings], AbstractContextManager[Running]]


@dataclass(frozen=True)
class Peer:
    """A system that others make, with an environment of its own."""

    folder: str
    distribution: str
    environment: dict[str, str] = field(default_factory=dict)
    tuned: dict[str, str] = field(default_factory=dict)
    """Environment variables that its documents name; what else is tuned is in its scripts."""


PEERS = (
    Peer("dbos", "dbos"),
    Peer("absurd", "absurd-sdk"),
    Peer(
        "orchestrator_core",
        "orchestrator-core",
        environment={"OAUTH2_ACTIVE": "false"},
        tuned={"LOG_LEVEL": "WARNING"},
    ),
)


def all_systems() -> list[System]:
    """Return every system, ours and the floor first."""
    found = [System(FLOOR, "template1", start_floor), System(OURS, "template1", start_ours)]
    for peer in PEERS:
        version = locked_version(lock_file(peer.folder).read_text(), peer.distribution)
        for tuned in (False, True):
            name = f"{peer.distribution} {version}, {'tuned' if tuned else 'default'}"
            found.append(System(name, peer.folder, partial(start_peer, peer, tuned=tuned)))
    return found


@contextmanager
def start_ours(around: Surroundings) -> Iterator[Running]:
    """Start the embedded stack, with its workers on the shared PostgreSQL."""
    services = {"DATABASE_URL": around.postgres.database_url(around.database)}
    with embedded_stack(around.directory, workers=WORKERS, worker_services=services) as addresses:
        workers = [pid for name, pid in addresses.pids.items() if name.startswith("worker")]
        yield Running(
            _own_program("ours", temporal_address=addresses.temporal_address),
            {"workers": workers, "temporal": [addresses.pids["temporal"]], "postgres": [around.postgres.pid]},
        )


@contextmanager
def start_floor(around: Surroundings) -> Iterator[Running]:
    """Start the embedded stack, and the workers of the empty workflow beside its idle one."""
    with embedded_stack(around.directory) as addresses:
        program = _own_program("floor", "worker", temporal_address=addresses.temporal_address)
        with _workers(program, around.directory) as workers:
            client = _own_program("floor", "client", temporal_address=addresses.temporal_address)
            temporal = [addresses.pids["temporal"]]
            yield Running(client, {"workers": workers, "temporal": temporal}, stores_subscriptions=False)


def prepare_peer(peer: Peer, around: Surroundings) -> None:
    """Install a system if need be, and make its schema in the database.

    Raises:
        PeerFailed: when one of these fails.
    """
    prepare = [str(python_of(peer.folder)), str(HERE / peer.folder / "prepare.py")]
    environment = os.environ | _environment(peer, around, tuned=False)
    run(prepare, environment=environment, directory=around.directory)


@contextmanager
def start_peer(peer: Peer, around: Surroundings, *, tuned: bool) -> Iterator[Running]:
    """Start the workers of a system whose database is prepared.

    Raises:
        PeerFailed: when one does not start.
    """
    python, scripts = str(python_of(peer.folder)), HERE / peer.folder
    environment = _environment(peer, around, tuned=tuned)
    worker = Program([python, str(scripts / "worker.py")], environment)
    with _workers(worker, around.directory) as workers:
        client = Program([python, str(scripts / "client.py")], environment)
        yield Running(client, {"workers": workers, "postgres": [around.postgres.pid]})


def _environment(peer: Peer, around: Surroundings, *, tuned: bool) -> dict[str, str]:
    return {
        "PATH": f"{around.postgres.programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(HERE),
        "PEER_DATABASE_URL": around.postgres.database_url(around.database),
        "DATABASE_URI": around.postgres.sqlalchemy_url(around.database),
        "PEER_PORTS": ",".join(str(free_port()) for _ in range(WORKERS)),
        "PEER_NUMBER": "0",
        "PEER_TUNED": "1" if tuned else "",
        **peer.environment,
        **(peer.tuned if tuned else {}),
    }


def _own_program(module: str, *arguments: str, temporal_address: str) -> Program:
    command = [sys.executable, "-m", f"trials.peers.{module}", *arguments]
    return Program(command, {"PYTHONPATH": str(ROOT), "PEER_TEMPORAL_ADDRESS": temporal_address})


@contextmanager
def _workers(program: Program, directory: Path) -> Iterator[list[int]]:
    """Start two worker processes, and wait until both are ready; stop them at the end."""
    pids: list[int] = []
    try:
        for number in range(1, WORKERS + 1):
            more = {"PEER_NUMBER": str(number), "PEER_READY": str(directory / f"ready-{number}")}
            log = directory / f"worker-of-peer-{number}.log"
            pids.append(start_detached(program.arguments, log, {**program.environment, **more}))
        for number, pid in enumerate(pids, 1):
            _wait_until_ready(directory, number, pid)
        yield pids
    finally:
        for pid in pids:
            terminate(pid, program.arguments[1])


def _wait_until_ready(directory: Path, number: int, pid: int) -> None:
    give_up = time.monotonic() + PATIENCE
    while not (directory / f"ready-{number}").exists():
        if time.monotonic() > give_up or not is_running(pid, ""):
            log = (directory / f"worker-of-peer-{number}.log").read_text()
            raise PeerFailed(f"a worker does not start: {last_line(log)}")
        time.sleep(0.05)
