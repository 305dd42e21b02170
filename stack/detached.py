"""Programs that outlive the process that started them; they are stopped by their pid."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

# Kept for two reasons: subprocess warns if a handle is dropped while its program runs, and the parent must
# reap a program that has ended.
_started: dict[int, subprocess.Popen[bytes]] = {}


def start_detached(
    arguments: Sequence[str], log_file: Path, environment: Mapping[str, str] | None = None
) -> int:
    """Start a program in its own session, so that no Ctrl-C reaches it; return its pid.

    Args:
        log_file: file that its output is appended to.
        environment: variables to set in addition to those of this process.
    """
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            arguments,
            env=os.environ | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _started[process.pid] = process
    return process.pid


def is_running(pid: int | None, mark: str) -> bool:
    """Return whether the process with this pid is alive and its command line contains the mark."""
    if pid is None:
        return False
    if pid in _started:
        _started[pid].poll()
    try:
        process = psutil.Process(pid)
        line = process.cmdline()  # empty for a moment while a program is being started
        return process.status() != psutil.STATUS_ZOMBIE and (not line or mark in " ".join(line))
    except psutil.Error:
        return False


def has_ended(pid: int) -> bool:
    """Return whether a program that this process has started has ended.

    Reliable from the start, when `is_running` may not yet be able to read the command line.
    """
    return _started[pid].poll() is not None


def terminate(pid: int | None, mark: str, *, patience: float = 30) -> None:
    """Tell a process to stop and wait until it is gone; kill it after `patience` seconds."""
    if pid is None or not is_running(pid, mark):
        return
    process = psutil.Process(pid)
    process.terminate()
    try:
        process.wait(patience)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(10)
    is_running(pid, mark)
