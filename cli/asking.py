"""Questions to the person at the terminal."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import click

from orchestrator.domain.text import spelled


def ask(question: str) -> str:
    """Return the answer to a question.

    Raises:
        click.Abort: after Ctrl-C.
    """
    with _one_interrupt_is_enough():
        answer: str = click.prompt(spelled(question), err=True)
    return answer


def confirm(question: str) -> None:
    """Ask for a yes.

    Raises:
        click.Abort: after a no, or Ctrl-C.
    """
    with _one_interrupt_is_enough():
        click.confirm(spelled(question), abort=True, err=True)


@contextmanager
def _one_interrupt_is_enough() -> Iterator[None]:
    """Have Ctrl-C raise `KeyboardInterrupt` at once.

    The handler of asyncio only cancels the task at the first Ctrl-C, and the task waits for the answer.
    """
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
