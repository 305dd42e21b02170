"""The starter: the command line of this project."""

import atexit
import sys
import time

from cli.commands import run, stop_as_by_ctrl_c
from cli.output import spell_what_cannot_be_encoded

if __name__ == "__main__":
    # A process that exits within milliseconds of its last SDK call may die at exit
    # (temporalio/sdk-python#300).
    atexit.register(time.sleep, 0.05)
    stop_as_by_ctrl_c()
    spell_what_cannot_be_encoded()
    sys.exit(run(sys.argv[1:]))
