"""The life of the embedded stack: the first user starts it, all keep it running, the last one stops it."""

import asyncio
import fcntl
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from orchestrator.temporal.connection import TemporalUnreachable, connect
from orchestrator.temporal.task_queue import TASK_QUEUE
from settings import ROOT
from stack.addresses import DIRECTORY, Addresses
from stack.detached import is_running, start_detached, terminate
from stack.errors import StackFailed
from stack.ports import Claims, free_port
from stack.postgres import start_postgres, stop_postgres
from stack.temporal_server import DATABASE, keep_histories, start_temporal, wait_for_port
from telemetry_settings import LogSettings

PATIENCE = 60.0
"""Seconds to wait for the stack to answer, on a machine that is busy."""

WORKER = str(ROOT / "worker.py")

ATTEMPTS = 5
"""How often to start Temporal, each time on other ports."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class _Fleet:
    """What a user of a stack needs from it, and reserves for it."""

    claims: Claims
    workers: int
    services: Mapping[str, str]
    """Environment variables of the workers, which replace the addresses of the stack."""


@contextmanager
def embedded_stack(
    directory: Path = DIRECTORY,
    *,
    workers: int = 1,
    mends: bool = True,
    say: Say = lambda _: None,
    worker_services: Mapping[str, str] | None = None,
) -> Iterator[Addresses]:
    """Use the embedded stack: start what is not running, and stop it at the end if nobody else uses it.

    Any number of processes may use it at once. Data stays in the directory.

    Args:
        workers: minimum number of workers.
        mends: whether this user restarts what ends meanwhile; False if another user does.
        say: is told, in one line, what was started or restarted.
        worker_services: environment variables that give workers other addresses than the servers' own.

    Raises:
        StackFailed: when it does not answer in time.
    """
    directory.mkdir(parents=True, exist_ok=True)
    in_use = (directory / "use.lock").open("a")
    fleet = _Fleet(Claims(directory), workers, worker_services or {})
    try:
        with _undisturbed(), held_back(directory):
            # All users share this lock; the system releases it even if a user is killed.
            fcntl.flock(in_use, fcntl.LOCK_SH)
            addresses = _start(directory, fleet, say)
        asyncio.run(_ready(addresses, directory))
        with _mended(directory, fleet, say) if mends else nullcontext():
            yield addresses
    finally:
        with _undisturbed(), held_back(directory):
            in_use.close()
            fleet.claims.release()
            if _nobody_uses(directory):
                _stop(directory)


@contextmanager
def _mended(directory: Path, fleet: _Fleet, say: Say) -> Iterator[None]:
    """Restart what ends in the stack, in a thread."""
    ended = threading.Event()
    mending = threading.Thread(target=_mend, args=(directory, fleet, say, ended), daemon=True)
    mending.start()
    try:
        yield
    finally:
        ended.set()
        mending.join()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Delay Ctrl-C and SIGTERM: an impatient user must not leave half of the stack running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {one: signal.signal(one, lambda number, _: came.append(number)) for one in numbers}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        for number in came[:1]:
            signal.raise_signal(number)


@contextmanager
def held_back(directory: Path) -> Iterator[None]:
    """Hold the start lock: nothing in the stack is started, stopped or restarted meanwhile."""
    with (directory / "start.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _nobody_uses(directory: Path) -> bool:
    with (directory / "use.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _start(directory: Path, fleet: _Fleet, say: Say) -> Addresses:
    """Start what is not running, and write down every pid as soon as it is known."""
    found = Addresses.read(directory)
    addresses = found or Addresses(
        temporal_address="127.0.0.1:7233", ui_url="http://127.0.0.1:8233", database_url="", pids={}
    )
    if not is_running(addresses.pids.get("temporal"), str(directory)):
        addresses = _start_temporal(directory, addresses, fleet.claims)
        say(f"Temporal at {addresses.temporal_address}, Web UI at {addresses.ui_url}")
    for port in _ports(addresses):
        fleet.claims.take(port)
    running = is_running(addresses.pids.get("postgres"), "postgres")
    pid, database_url = start_postgres(directory / "postgres")
    addresses = addresses.model_copy(
        update={"database_url": database_url, "pids": addresses.pids | {"postgres": pid}}
    )
    addresses.write(directory)
    if not running:
        say("PostgreSQL")
    for name in ("worker", *(f"worker-{number}" for number in range(2, fleet.workers + 1))):
        if not is_running(addresses.pids.get(name), WORKER):
            addresses = _with_ports(name, addresses, fleet.claims)
            pid = _start_worker(directory, name, addresses, fleet)
            addresses = addresses.model_copy(update={"pids": addresses.pids | {name: pid}})
            addresses.write(directory)
            say(f"Worker {pid}")
    return addresses


def _ports(addresses: Addresses) -> list[int]:
    return [int(address.rpartition(":")[2]) for address in (addresses.temporal_address, addresses.ui_url)]


def _start_temporal(directory: Path, last: Addresses, claims: Claims) -> Addresses:
    # Use the last ports if they are free, so that clients find it again. A free port may be taken by the time
    # the server wants it; then the server ends, and other ports are tried.
    wanted, empty = _ports(last), not (directory / DATABASE).exists()
    for _ in range(ATTEMPTS):
        port, ui_port = (free_port(one) for one in wanted)
        if not (claims.take(port) and claims.take(ui_port)):
            wanted = [0, 0]
            continue
        addresses = _at_ports(last, port, ui_port, empty=empty)
        pid = start_temporal(directory, port=port, ui_port=ui_port)
        addresses = addresses.model_copy(update={"pids": addresses.pids | {"temporal": pid}})
        addresses.write(directory)
        if wait_for_port(addresses.temporal_address, pid, patience=PATIENCE):
            return addresses
        wanted = [0, 0]
    raise StackFailed(f"Temporal does not start; see temporal.log in {directory}")


def _at_ports(last: Addresses, port: int, ui_port: int, *, empty: bool) -> Addresses:
    pids, address = dict(last.pids), f"127.0.0.1:{port}"
    # These workers know only the old address, or have to adopt a Temporal that has lost its database.
    if empty or address != last.temporal_address:
        for name in [name for name in pids if name.startswith("worker")]:
            terminate(pids.pop(name), WORKER)
    return last.model_copy(
        update={"temporal_address": address, "ui_url": f"http://127.0.0.1:{ui_port}", "pids": pids}
    )


def _with_ports(name: str, last: Addresses, claims: Claims) -> Addresses:
    """Return the addresses with two free ports for a worker, the last ones if possible."""
    metrics, health = (
        f"127.0.0.1:{_claimed_port(claims, int(one.get(name, ':0').rpartition(':')[2]))}"
        for one in (last.metrics, last.health)
    )
    return last.model_copy(
        update={"metrics": last.metrics | {name: metrics}, "health": last.health | {name: health}}
    )


def _claimed_port(claims: Claims, wanted: int) -> int:
    port = free_port(wanted)
    while not claims.take(port):
        port = free_port()
    return port


def _start_worker(directory: Path, name: str, addresses: Addresses, fleet: _Fleet) -> int:
    services = {"TEMPORAL_ADDRESS": addresses.temporal_address, "DATABASE_URL": addresses.database_url}
    # Nobody makes a version current on this stack, so its workers have none, whatever is set.
    services |= {"TEMPORAL_DEPLOYMENT_NAME": "", "TEMPORAL_WORKER_BUILD_ID": ""}
    services |= {"METRICS_ADDRESS": addresses.metrics[name], "HEALTH_ADDRESS": addresses.health[name]}
    services |= {"LOG_FORMAT": LogSettings.from_environment().format or "text"}  # people read these files
    services |= fleet.services
    # Both databases lie in one directory. A Temporal whose file was deleted is another one, and is meant.
    return start_detached(
        [sys.executable, WORKER, "--prepare", "--adopt-temporal"], directory / f"{name}.log", services
    )


def _mend(directory: Path, fleet: _Fleet, say: Say, ended: threading.Event) -> None:
    while not ended.wait(1):
        with held_back(directory):
            if ended.is_set():
                return
            try:
                _start(directory, fleet, lambda line: say(f"started again: {line}"))
            except (OSError, RuntimeError, subprocess.SubprocessError, StackFailed) as error:
                say(f"cannot be restarted, will be tried again: {error}")


def _stop(directory: Path) -> None:
    found = Addresses.read(directory)
    if found is None:
        return
    for name, pid in found.pids.items():
        if name.startswith("worker"):
            terminate(pid, WORKER)
    terminate(found.pids.get("temporal"), str(directory))
    stop_postgres(directory / "postgres")
    found.model_copy(update={"pids": {}}).write(directory)


async def _ready(addresses: Addresses, directory: Path) -> None:
    give_up = time.monotonic() + PATIENCE
    worker = addresses.pids["worker"]
    while not await _asks_for_work(worker, addresses.temporal_address):
        if time.monotonic() > give_up or not is_running(worker, WORKER):
            raise StackFailed(
                f"The embedded stack does not start; see worker.log and temporal.log in {directory}"
            )
        await asyncio.sleep(0.05)


async def _asks_for_work(worker: int, temporal_address: str) -> bool:
    try:
        client = await connect({"target_host": temporal_address})
    except TemporalUnreachable:
        return False
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    answer = await client.workflow_service.describe_task_queue(request)
    # A killed worker stays listed for minutes: look for this one, by the SDK's identity pid@host.
    asks = any(poller.identity.startswith(f"{worker}@") for poller in answer.pollers)
    if asks:
        await keep_histories(client)
    return asks
