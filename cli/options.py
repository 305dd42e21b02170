"""Command-line options that several commands have; importing them costs little."""

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
)
limit_option = click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Maximum number of entries."
)

at_once_option = click.option(
    "--at-once", metavar="N", help="With --all: validations that run at the same time, 1 to 100 (default: 2)."
)


def examples(*lines: str) -> str:
    """Return the examples for the end of a help page, one a line."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def starting_options(command: Command) -> Command:
    """Add the options that every command that starts a process has."""
    for option in (
        json_option,
        click.option(
            "--no-wait", is_flag=True, help="Print the process id and return; the process continues."
        ),
        click.option("--process-id", metavar="ID", help="Id of the process (default: a new one)."),
    ):
        command = option(command)
    return command
