"""Whether a process keeps the embedded stack up, so that it outlives a command."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from stack.addresses import DIRECTORY


@contextmanager
def kept_up(directory: Path = DIRECTORY) -> Iterator[bool]:
    """Hold the "kept up" lock; yields False if another process already holds it."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "up.lock").open("a") as lock:
        yield _flock(lock, fcntl.LOCK_EX)


def is_kept_up(directory: Path = DIRECTORY) -> bool:
    """Return whether some process keeps the stack up."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "up.lock").open("a") as lock:
        return not _flock(lock, fcntl.LOCK_SH)


def _flock(lock: TextIO, kind: int) -> bool:
    # `is_kept_up` holds the lock for a moment, too: retry if somebody is only asking.
    for _ in range(10):
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if kind == fcntl.LOCK_SH:
                return False
            time.sleep(0.05)
        else:
            return True
    return False
