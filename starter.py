"""The starter: the command line of this project."""

import io
import sys

from cli.commands import run
from program import run_program


def main() -> int:
    """Run the command line that was typed."""
    # Print an escape for each character that the encoding of stdout or stderr lacks.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return run(sys.argv[1:])


if __name__ == "__main__":
    run_program(main, stop_like_ctrl_c=True)
