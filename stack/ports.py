"""Ports on the loopback interface; a stack keeps its ports even while its servers are down."""

import fcntl
import os
import socket
from pathlib import Path

from stack.locks import open_lock_file


def free_port(*preferred: int) -> int:
    """Return the first of these ports that is free on the loopback interface, or else any free port."""
    for port in (*preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            chosen: int = probe.getsockname()[1]
            return chosen
    raise OSError("no port is free on 127.0.0.1")


class Claims:
    """The ports that a user of a stack reserves for it.

    A Temporal that was killed leaves its port free for seconds. If the Temporal of another stack took it, the
    clients and workers of the first stack would talk to the wrong server.
    """

    def __init__(self, directory: Path) -> None:
        """Take the directory of the stack: all users of one directory share its ports."""
        self._owner = str(directory.resolve()).encode()
        self._files: dict[int, int] = {}

    def take(self, port: int) -> bool:
        """Reserve a port until `release` or the end of this process; return False if another stack has it.

        Stacks of other users of the operating system are not considered.
        """
        if port in self._files:
            return True
        try:
            guard = open_lock_file("ports")
        except OSError:
            return False  # another user has put something there
        try:
            fcntl.flock(guard, fcntl.LOCK_EX)  # one process at a time
            return self._take(port)
        finally:
            os.close(guard)

    def _take(self, port: int) -> bool:
        file = open_lock_file(f"port-{port}")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if os.read(file, 4096) != self._owner:
                os.close(file)
                return False
        else:
            os.truncate(file, 0)
            os.write(file, self._owner)
        fcntl.flock(file, fcntl.LOCK_SH)
        self._files[port] = file
        return True

    def release(self) -> None:
        """Release all ports."""
        while self._files:
            os.close(self._files.popitem()[1])
