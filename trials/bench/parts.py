"""The processes of the machine that take part in a measurement, and the CPU that they use."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from settings import ROOT
from stack.addresses import Addresses
from stack.detached import start_detached, terminate
from trials.bench.errors import BenchFailed
from trials.bench.figures import Measure
from trials.bench.subjects import Workers

FLOOR_WORKER = "trials.bench.floor_worker"


@contextmanager
def floor_workers(directory: Path, temporal_address: str, number: int) -> Iterator[dict[str, int]]:
    """Run workers of the floors; yield their pids by name."""
    pids: dict[str, int] = {}
    try:
        for name in (f"floor-worker-{one}" for one in range(1, number + 1)):
            command = [sys.executable, "-m", FLOOR_WORKER, temporal_address]
            pids[name] = start_detached(command, directory / f"{name}.log", {"PYTHONPATH": str(ROOT)})
        yield pids
    finally:
        for pid in pids.values():
            terminate(pid, FLOOR_WORKER)


class Parts:
    """The processes of a running stack and of the floors, and this process."""

    def __init__(self, addresses: Addresses, floors: Mapping[str, int]) -> None:
        self._all = {name: psutil.Process(pid) for name, pid in (addresses.pids | dict(floors)).items()}
        self._this = psutil.Process()
        self._workers: dict[Workers, list[psutil.Process]] = {
            "ours": [self._all[name] for name in addresses.pids if name.startswith("worker")],
            "floors": [self._all[name] for name in floors],
            "none": [self._this],
        }

    def pids(self, workers: Workers) -> set[int]:
        """Return the pids of these workers."""
        return {process.pid for process in self._workers[workers]}

    def cpu_seconds(self, workers: Workers) -> dict[Measure, float]:
        """Return the CPU time that each part has used so far.

        Args:
            workers: the workers to count; for `none` this process does their work, and there is no client.
        """
        return {
            Measure.CPU_SERVER_MS: _cpu_seconds(self._all["temporal"]),
            Measure.CPU_POSTGRESQL_MS: _cpu_seconds(self._all["postgres"]),
            Measure.CPU_WORKERS_MS: sum(map(_own_cpu_seconds, self._workers[workers])),
            Measure.CPU_CLIENT_MS: 0.0 if workers == "none" else _own_cpu_seconds(self._this),
        }

    def require_all_running(self, *, stopped: str | None = None) -> None:
        """Raise `BenchFailed` if a process has ended: the others have then done its work, or waited.

        Args:
            stopped: name of the process that was stopped on purpose.
        """
        running = {name for name, process in self._all.items() if _is_running(process)}
        ended = sorted(self._all.keys() - running - {stopped})
        if ended:
            raise BenchFailed(f"these have ended during the measurement: {', '.join(ended)}")


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _own_cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _cpu_seconds(process: psutil.Process) -> float:
    # A parent counts the children that have ended, so read it after its children.
    seconds = 0.0
    for one in (*process.children(recursive=True), process):
        with suppress(psutil.NoSuchProcess):
            seconds += sum(one.cpu_times()[:4])  # user and system time, of itself and of its ended children
    return seconds
