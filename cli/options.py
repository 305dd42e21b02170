"""Command-line options that several commands have; importing them costs little."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from cli.invocation import typeable

Command = Callable[..., Any]


class OnceCommand(click.Command):
    """A command that takes each option once; click would take the last one silently."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:  # the shell asks for completions of what is not yet typed to its end
            return super().parse_args(ctx, args)
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for param, times in Counter(given).items():
            if times > 1 and isinstance(param, click.Option) and not param.is_flag:
                raise click.UsageError(f"{param.opts[0]} is given {times} times; give it once.", ctx)
        return super().parse_args(ctx, args)


class OnceGroup(click.Group):
    """A group of such commands."""

    command_class = OnceCommand


command = partial(click.command, cls=OnceCommand)


def group(name: str | None = None, **settings: Any) -> Callable[[Command], OnceGroup]:
    """Make a group, as `click.group` does."""
    return click.group(name, cls=OnceGroup, **settings)


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
    return "\b\nExamples:\n" + "\n".join(f"  {typeable(line)}" for line in lines)


open_option = click.option(
    "--open", "opens", is_flag=True, help="Open the page of the process in the Web UI, in a browser."
)


def starting_options(command: Command) -> Command:
    """Add the options that every command that starts a process has."""
    for option in (
        json_option,
        open_option,
        click.option(
            "--no-wait", is_flag=True, help="Print the process id and return; the process continues."
        ),
        click.option("--process-id", metavar="ID", help="Id of the process (default: a new one)."),
    ):
        command = option(command)
    return command
