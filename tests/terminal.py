"""A program on a terminal of a given width."""

import os
import pty
import re
import select
import subprocess
import sys
import termios
from dataclasses import dataclass, field

from settings import ROOT
from tests.starting import Ended

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Colours and moves of the cursor."""
PATIENCE = 30.0
"""Seconds to wait for more output."""


@dataclass
class Terminal:
    """A program, and what its terminal has shown. Every method waits, so call it in a thread."""

    process: subprocess.Popen[bytes]
    controller: int
    shown: bytes = field(default=b"")

    @classmethod
    def open(cls, environment: dict[str, str], *arguments: str, columns: int = 80) -> "Terminal":
        """Start the starter on a terminal."""
        controller, terminal = pty.openpty()
        termios.tcsetwinsize(terminal, (40, columns))
        plain = {name: value for name, value in environment.items() if name not in {"COLUMNS", "LINES"}}
        process = subprocess.Popen(
            [sys.executable, "starter.py", *arguments],
            cwd=ROOT,
            env=plain | {"TERM": "xterm", "NO_COLOR": "1"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        return cls(process, controller)

    def until(self, text: str) -> str:
        """Read until this is shown; return everything that was shown so far."""
        while text not in self.text and self._read():
            pass
        return self.text

    def type(self, text: str) -> None:
        """Type this text."""
        os.write(self.controller, text.encode())

    def ended(self) -> Ended:
        """Read until the program has ended; return its exit code, and all that was shown as its output."""
        while self._read():
            pass
        os.close(self.controller)
        return Ended(self.process.wait(10), self.text, "")

    @property
    def text(self) -> str:
        return ESCAPES.sub("", self.shown.decode(errors="replace")).replace("\r\n", "\n")

    def _read(self) -> bool:
        if not select.select([self.controller], [], [], PATIENCE)[0]:
            self.process.kill()
            raise TimeoutError(f"nothing more after: {self.text}")
        try:
            more = os.read(self.controller, 10_000)
        except OSError:  # the program has closed the terminal
            return False
        self.shown += more
        return bool(more)


def on_terminal(environment: dict[str, str], *arguments: str, columns: int = 80) -> Ended:
    """Run the starter on a terminal to its end."""
    return Terminal.open(environment, *arguments, columns=columns).ended()
