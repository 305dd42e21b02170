"""The starter: the command line of this project."""

import atexit
import sys
import time

from cli.commands import run, stop_as_by_ctrl_c

if __name__ == "__main__":
    # A process that exits within milliseconds of its last SDK call may die at exit
    # (temporalio/sdk-python#300).
    atexit.register(time.sleep, 0.05)
    stop_as_by_ctrl_c()
    sys.exit(run(sys.argv[1:]))
