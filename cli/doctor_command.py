"""The command that examines everything that the work depends on."""

import asyncio

import click
from rich.table import Table
from rich.text import Text

from cli import output
from cli.doctor.examining import Examination, examine
from cli.doctor.finding import Finding, Result
from cli.exit_codes import DONE, NOT_DONE
from cli.invocation import typeable
from cli.json_output import print_json
from cli.options import command, examples, json_option
from orchestrator.domain.text import spelled

MARKS = {
    Result.OK: ("✓", "green"),
    Result.WARNING: ("!", "yellow"),
    Result.FAILED: ("✗", "red"),
    Result.SKIPPED: ("–", "dim"),
}


@command("doctor", epilog=examples("starter.py doctor", "starter.py doctor --json"))
@json_option
def doctor(as_json: bool) -> int:
    """Examine what the work depends on, and name remedies.

    It changes nothing, and starts nothing. Exit code 0 means that no check has failed.
    """
    found = asyncio.run(examine())
    print_json(found) if as_json else _print(found)
    return DONE if found.healthy else NOT_DONE


def _print(found: Examination) -> None:
    """Print one line for each check; on a terminal they wrap, and the remedy has its own."""
    if not output.stdout.is_terminal:
        for one in found.checks:
            click.echo(f"{_marked(one)}  {one.check}: {_text(one)}")
        return
    grid = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    grid.add_column()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for one in found.checks:
        mark, style = MARKS[one.result]
        text = Text(spelled(one.fact), style="dim" if one.result is Result.SKIPPED else "")
        if one.remedy is not None:
            text.append(f"\n{spelled(typeable(one.remedy))}", style="yellow")
        grid.add_row(Text(mark, style=style), Text(one.check, style="bold"), text)
    output.show(grid)


def _marked(one: Finding) -> str:
    return f"{MARKS[one.result][0]} {one.result:7}"


def _text(one: Finding) -> str:
    remedy = f". Remedy: {typeable(one.remedy)}" if one.remedy is not None else ""
    return spelled(f"{one.fact}{remedy}")
