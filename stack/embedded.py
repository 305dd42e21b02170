"""The life of the embedded stack: the first user starts it, all mend it, the last one stops it."""

import asyncio
import fcntl
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from settings import ROOT
from stack.addresses import DIRECTORY, Addresses
from stack.detached import is_running, start_detached, terminate
from stack.postgres import start_postgres, stop_postgres
from stack.temporal_server import free_port, keep_histories, start_temporal
from temporal.connection import TemporalUnreachable, connect
from temporal.plugin import TASK_QUEUE

PATIENCE = 60.0
"""Seconds to wait for the stack to answer, on a machine that is busy."""

WORKER = str(ROOT / "worker.py")

Say = Callable[[str], None]


class StackFailed(Exception):
    """The embedded stack does not start; the message names the log to read."""


@contextmanager
def embedded_stack(
    directory: Path = DIRECTORY, *, workers: int = 1, say: Say = lambda _: None
) -> Iterator[Addresses]:
    """Use the embedded stack: start what is not running, and stop it at the end if nobody else uses it.

    Any number of processes may use it at once. Data stays in the directory.

    Args:
        workers: how many workers run at least.
        say: told, in a line, what is started, and what was started again because it had ended.

    Raises:
        StackFailed: when it does not answer in time.
    """
    directory.mkdir(exist_ok=True)
    in_use = (directory / "use.lock").open("a")
    with _locked(directory):
        # Shared by all users; the system gives it back also where a user is killed.
        fcntl.flock(in_use, fcntl.LOCK_SH)
        addresses = _start(directory, workers, say)
    ended = threading.Event()
    mending = threading.Thread(target=_mend, args=(directory, workers, say, ended), daemon=True)
    try:
        asyncio.run(_ready(addresses, directory))
        mending.start()
        yield addresses
    finally:
        ended.set()
        if mending.is_alive():
            mending.join()
        with _undisturbed(), _locked(directory):
            in_use.close()
            if _nobody_uses(directory):
                _stop(directory)


@contextmanager
def kept_up(directory: Path = DIRECTORY) -> Iterator[bool]:
    """Say, as long as this lasts, that the stack is kept up; gives whether it was this process's to say."""
    directory.mkdir(exist_ok=True)
    with (directory / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def is_kept_up(directory: Path = DIRECTORY) -> bool:
    """Return whether some process keeps the stack up."""
    with kept_up(directory) as nobody_else:
        return not nobody_else


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Put off Ctrl-C and SIGTERM: somebody who is impatient must not leave half of the stack running."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
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


def _start(directory: Path, workers: int, say: Say) -> Addresses:
    found = Addresses.read(directory)
    pids = dict(found.pids) if found else {}
    port, ui_port = _ports(found)
    if not is_running(pids.get("temporal"), str(directory)):
        port, ui_port = free_port(port, 0), free_port(ui_port, 0)
        say(f"Temporal: 127.0.0.1:{port}, Web UI http://127.0.0.1:{ui_port}")
        pids["temporal"] = start_temporal(directory, port=port, ui_port=ui_port)
    if not is_running(pids.get("postgres"), "postgres"):
        say("PostgreSQL: on a socket in the file system")
    pids["postgres"], database_url = start_postgres(directory / "postgres")
    temporal_address = f"127.0.0.1:{port}"
    for name in ("worker", *(f"worker-{number}" for number in range(2, workers + 1))):
        if not is_running(pids.get(name), WORKER):
            say(f"Worker: {name}")
            pids[name] = _start_worker(directory / f"{name}.log", temporal_address, database_url)
    addresses = Addresses(
        temporal_address=temporal_address,
        ui_url=f"http://127.0.0.1:{ui_port}",
        database_url=database_url,
        pids=pids,
    )
    if addresses != found:
        addresses.write(directory)
    return addresses


def _ports(found: Addresses | None) -> tuple[int, int]:
    # The ports of the last time, so that whoever is connected finds it again.
    if found is None:
        return 7233, 8233
    return int(found.temporal_address.rpartition(":")[2]), int(found.ui_url.rpartition(":")[2])


def _start_worker(log_file: Path, temporal_address: str, database_url: str) -> int:
    services = {"TEMPORAL_ADDRESS": temporal_address, "DATABASE_URL": database_url}
    return start_detached([sys.executable, WORKER, "--prepare"], log_file, services)


def _mend(directory: Path, workers: int, say: Say, ended: threading.Event) -> None:
    while not ended.wait(1):
        with _locked(directory):
            if not ended.is_set():
                _start(directory, workers, lambda line: say(f"started again: {line}"))


def _stop(directory: Path) -> None:
    found = Addresses.read(directory)
    if found is None:
        return
    for name, pid in found.pids.items():
        if name.startswith("worker"):
            terminate(pid, WORKER)
    terminate(found.pids.get("temporal"), str(directory))
    stop_postgres(directory / "postgres")
    Addresses.remove(directory)


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
    # A worker that was killed is listed for minutes more: look for this one, by the SDK's identity pid@host.
    asks = any(poller.identity.startswith(f"{worker}@") for poller in answer.pollers)
    if asks:
        await keep_histories(client)
    return asks
