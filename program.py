"""How every program of this project begins and ends."""

import atexit
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    import asyncio

R = TypeVar("R")

NEW_OBJECTS = 20_000
"""Number of new objects after which Python looks for garbage; by default it does so after 700 or 2,000."""


def run_program(main: Callable[[], int | None], *, stop_like_ctrl_c: bool = False) -> NoReturn:
    """Run the main function of a program, and exit with the code that it returns.

    Args:
        stop_like_ctrl_c: whether SIGTERM and a closed terminal raise `KeyboardInterrupt`, so that the program
            stops in order what it has started.
    """
    end = _End()
    atexit.register(end)  # registered first, so it runs last
    if stop_like_ctrl_c:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
    end.code = main() or 0
    sys.exit(end.code)


def run_service(main: Coroutine[Any, Any, R]) -> R:
    """Run what works for days: on a faster event loop, and with less work for the garbage collector.

    It returns what `main` returns, and raises what it raises.
    """
    import uvloop  # here: a command that ends soon does without

    gc.freeze()  # what is imported by now stays for ever: never look at it again
    gc.set_threshold(NEW_OBJECTS, 20, 20)
    return uvloop.run(main)


def stop_signal() -> "asyncio.Event":
    """Return an event that SIGINT and SIGTERM set: a service then ends in order."""
    import asyncio  # here: a help page does without

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


class _End:
    """Ends the process without tearing down the interpreter.

    A process that does so within milliseconds of its last SDK call may die: a thread of the SDK needs the
    interpreter a moment longer (temporalio/sdk-python#300).
    """

    code: int | None = None
    """The exit code; `None` if the program ends by an exception, or another exit than its main function's."""

    def __call__(self) -> None:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            self.code = None  # Python itself says what is wrong with the stream
        if self.code is not None:
            os._exit(self.code)
        if "temporalio" in sys.modules:
            time.sleep(0.05)
