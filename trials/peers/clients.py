"""The client process of a system, and the CPU time of processes."""

import json
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
from pydantic import BaseModel

from trials.peers.environments import PeerFailed, last_line
from trials.peers.figures import Load, Sample

PATIENCE = 60.0
"""Seconds that a client may take longer than it was told to."""


IDLE = 0.25
"""Part of a core that a system may use to count as idle: some look for work many times a second."""

LOOK_EVERY = 0.5
"""Seconds between two looks at the CPU time."""


class Answer(BaseModel):
    """What a client measured: see `trials/peers/load.py`."""

    latencies: list[float]
    seconds: float


@dataclass(frozen=True)
class Program:
    """A program and what it finds in its environment."""

    arguments: Sequence[str]
    environment: Mapping[str, str]


class LoadClient:
    """A running client."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log
        self.created = 0

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def put_load(self, seconds: float, concurrency: int) -> Answer:
        """Keep this many creates running for a time.

        Raises:
            PeerFailed: when it ends or does not answer.
        """
        watchdog = threading.Timer(seconds + PATIENCE, self._process.kill)
        watchdog.start()
        try:
            with suppress(BrokenPipeError):
                print(
                    json.dumps({"seconds": seconds, "concurrency": concurrency}),
                    file=_open(self._process.stdin),
                    flush=True,
                )
            line = _open(self._process.stdout).readline()
        finally:
            watchdog.cancel()
        if not line:
            raise PeerFailed(f"the client ended: {last_line(self._log.read_text())}")
        answer = Answer.model_validate_json(line)
        self.created += len(answer.latencies)
        return answer


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@contextmanager
def open_client(program: Program, log: Path) -> Iterator[LoadClient]:
    """Start a client; end it at the end."""
    with log.open("w") as errors:
        process = subprocess.Popen(
            program.arguments,
            env=os.environ | program.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        yield LoadClient(process, log)
    finally:
        process.kill()
        process.communicate()


def measure(client: LoadClient, parts: Mapping[str, Sequence[int]], load: Load) -> Sample:
    """Measure a system that runs.

    Args:
        parts: the processes of each part of the system; their children count, too.
    """
    everything = {**parts, "client": [client.pid]}
    client.put_load(load.warm_up, load.concurrency)
    wait_until_idle(everything)
    alone = client.put_load(load.alone, 1).latencies
    before = {name: cpu_seconds(pids) for name, pids in everything.items()}
    together = client.put_load(load.together, load.concurrency)
    wait_until_idle(everything)
    creates = len(together.latencies)
    return Sample(
        creates_per_second=creates / together.seconds,
        latency_p50_ms=statistics.median(alone) * 1000,
        latency_p95_ms=statistics.quantiles([*alone, alone[-1]], n=20, method="inclusive")[-1] * 1000,
        cpu_ms_per_create={
            name: (cpu_seconds(pids) - before[name]) * 1000 / creates for name, pids in everything.items()
        },
    )


def wait_until_idle(parts: Mapping[str, Sequence[int]]) -> None:
    """Return once these processes use little CPU.

    orchestrator-core indexes what its processes have changed after they have completed.
    """
    give_up = time.monotonic() + PATIENCE
    pids = [pid for part in parts.values() for pid in part]
    used = cpu_seconds(pids)
    while time.monotonic() < give_up:
        time.sleep(LOOK_EVERY)
        before, used = used, cpu_seconds(pids)
        if used - before < IDLE * LOOK_EVERY:
            return


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the CPU time of these processes and of all their children, ended ones too."""
    seconds = 0.0
    for pid in pids:
        process = psutil.Process(pid)
        # A parent counts the children that have ended, so read it after its children.
        for one in (*process.children(recursive=True), process):
            with suppress(psutil.NoSuchProcess):
                seconds += sum(one.cpu_times()[:4])
    return seconds
