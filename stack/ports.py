"""Ports on the loopback interface, and which stack has one: also while its server is down."""

import fcntl
import os
import socket
from pathlib import Path

from stack.locks import open_lock_file


def free_port(*preferred: int) -> int:
    """Return the first of these ports that is free on the loopback interface, or any that is."""
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
    """The ports that a user of a stack keeps for it.

    A Temporal that was killed leaves its port for seconds. A Temporal of another stack that took it would be
    given the work of the clients and workers of the first, who go on to call the same address.
    """

    def __init__(self, directory: Path) -> None:
        """Take the directory that the stack lies in: all its users keep its ports together."""
        self._owner = str(directory.resolve()).encode()
        self._files: dict[int, int] = {}

    def take(self, port: int) -> bool:
        """Keep a port until `release`, or until this process ends; return whether no other stack has it.

        Stacks of other users of the operating system are not asked.
        """
        if port in self._files:
            return True
        try:
            guard = open_lock_file("ports")
        except OSError:
            return False  # somebody else has put something there
        try:
            fcntl.flock(guard, fcntl.LOCK_EX)  # what follows is done by one at a time
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
        """Let all ports go."""
        while self._files:
            os.close(self._files.popitem()[1])
