"""Programs that outlive whoever started them, until somebody stops them by their pid."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

# Kept, because subprocess complains of a handle that is dropped while its program runs; and because the
# parent of a program that has ended must take note of it.
_started: dict[int, subprocess.Popen[bytes]] = {}


def start_detached(
    arguments: Sequence[str], log_file: Path, environment: Mapping[str, str] | None = None
) -> int:
    """Start a program in a session of its own, so that no Ctrl-C reaches it; return its pid.

    Args:
        log_file: what it prints is appended there.
        environment: variables to set beside those of this process.
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
    """Return whether this process lives and is the one that was meant: its command line has this mark."""
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

    Sure from the first moment on, when the command line of a process may not yet be there to be read.
    """
    return _started[pid].poll() is not None


def terminate(pid: int | None, mark: str, *, patience: float = 30) -> None:
    """Tell a process to stop, and kill it where it has not after so many seconds; wait until it is gone."""
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
