"""What a command imports before it does anything, and what its help says then."""

import os

import click
import pytest

from cli.commands import COMMANDS, cli
from tests.starting import Program

IMPORTED = """
import runpy, sys

sys.argv = {arguments!r}
try:
    runpy.run_path(sys.argv[0], run_name="starter")["main"]()
finally:
    print(*(name for name in {names!r} if name in sys.modules), file=sys.stderr)
"""
NOT_FOR_HELP = ("alembic", "asyncio", "asyncpg", "pydantic", "rich", "sqlalchemy", "temporalio")
NOT_FOR_A_LIST = (
    *("alembic", "sqlalchemy", "temporalio.client", "temporalio.worker", "temporalio.workflow"),
    *("activities", "opentelemetry", "services", "stack.embedded", "workflows"),
)


async def imported(environment: dict[str, str], names: tuple[str, ...], *arguments: str) -> str:
    """Return which of these modules the starter has imported at its end."""
    program = IMPORTED.format(arguments=["starter.py", *arguments], names=names)
    ended = await Program(environment, ("-c", program))()
    assert ended.code == 0, ended.stderr
    assert ended.stdout
    return ended.stderr


async def test_help_imports_neither_temporal_nor_a_database() -> None:
    assert await imported(dict(os.environ), NOT_FOR_HELP, "--help") == "\n"


@pytest.mark.parametrize("command", ["subscriptions", "processes"])
async def test_a_list_imports_only_what_it_needs(environment: dict[str, str], command: str) -> None:
    # All rows: a line about more of them would come first.
    told = await imported(environment, NOT_FOR_A_LIST, command, "--limit", "1000")
    assert told.removeprefix("Nothing fits.\n") == "\n"
    assert await imported(environment, (*NOT_FOR_A_LIST, "rich"), command, "--json") == "\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_itself(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert COMMANDS[name].summary == command.get_short_help_str(1000)
