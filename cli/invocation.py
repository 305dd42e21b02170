"""How the person has started this program; importing it costs little."""

import re
import shlex
import sys
from pathlib import Path

NAME = "starter.py"
"""What messages call the program; programs that read JSON get this."""


def invocation() -> str:
    """Return what starts the starter as it was typed, e.g. ``.venv/bin/python starter.py``."""
    words = sys.orig_argv
    for number, word in enumerate(words, start=1):
        if Path(word).name == NAME:
            return shlex.join(words[:number])
    return f"python {NAME}"


def typeable(message: str) -> str:
    """Return the message with each command as it can be typed here."""
    return re.sub(rf"(?<![\w./]){re.escape(NAME)}(?= [a-zA-Z])", lambda _: invocation(), message)
