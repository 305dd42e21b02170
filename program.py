"""How every program of this project begins and ends."""

import atexit
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from settings import ConfigurationError, Settings


def run_program(main: Callable[[], int | None], *, stop_like_ctrl_c: bool = False) -> NoReturn:
    """Run the main function of a program, and exit with the code that it returns.

    Args:
        stop_like_ctrl_c: whether SIGTERM and a closed terminal raise `KeyboardInterrupt`, so that the program
            stops in order what it has started.
    """
    # A process that exits within milliseconds of its last SDK call may die at exit
    # (temporalio/sdk-python#300).
    atexit.register(time.sleep, 0.05)
    if stop_like_ctrl_c:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
    sys.exit(main())


def require_nothing_configured() -> None:
    """Return if the environment names no services: who starts its own must not write into somebody's.

    Raises:
        ConfigurationError: when it names some.
    """
    if Settings.from_environment() != Settings():
        raise ConfigurationError(
            "This program starts its own services: unset TEMPORAL_*, DATABASE_URL and the variables of the "
            "external systems"
        )
