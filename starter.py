"""The starter: the command line of this project."""

import atexit
import sys
import time

from cli.commands import run

if __name__ == "__main__":
    # A process that exits within milliseconds of its last SDK call may die at exit
    # (temporalio/sdk-python#300).
    atexit.register(time.sleep, 0.05)
    sys.exit(run(sys.argv[1:]))
