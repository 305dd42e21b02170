"""Act on many parked processes: show the plan, ask, act on each, and report."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import click
from pydantic import BaseModel
from rich.progress import Progress

from cli import output
from cli.acting import ActionRefused
from cli.connections import Connections, with_connections
from cli.exit_codes import DONE, NOT_DONE
from cli.json_output import print_json
from orchestrator.database.open_processes import Parked, list_parked_processes
from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.text import spelled

AT_ONCE = 10
"""Processes that are acted on at the same time."""
SHOWN = 10
"""Processes that the plan names."""

Act = Callable[[Connections, str], Awaitable[object]]
"""Acts on the process with this id; raises `ActionRefused` if it refuses."""


@dataclass(frozen=True)
class Many:
    """Which parked processes to act on."""

    verb: str
    """What is done, as the question says it: `retry`."""
    because: str | None
    """Only processes whose reason contains this text; `None` means any."""
    workflow: str | None
    """Only processes of this workflow; `None` means any."""
    yes: bool
    """Whether not to ask."""


class Refused(BaseModel):
    """A process that has refused."""

    process_id: str
    message: str


class Report(BaseModel):
    """What was done, as `--json` prints it."""

    done: list[str] = []
    """Ids of the processes that have accepted."""
    refused: list[Refused] = []


def act_on_many(many: Many, act: Act, *, as_json: bool) -> int:
    """Act on every process that is parked for such a reason; return 0 if none has refused, else 1.

    What was acted on is not parked any more. So after an interruption the same command goes on with the rest.

    Raises:
        InvalidInput: when there is no terminal to ask on.
        click.Abort: when the answer is no.
    """

    async def find(connections: Connections) -> list[Parked]:
        async with connections.pool.acquire() as connection:
            return await list_parked_processes(connection, because=many.because, workflow=many.workflow)

    found = with_connections(find, reads=True)
    if not as_json:
        show_plan(found)
    if found and not many.yes:
        _ask(many.verb, len(found))
    report = Report()
    if found:
        report = with_connections(lambda connections: _act(connections, found, act), lasting=True)
    if as_json:
        print_json(report)
    else:
        output.say(f"{len(report.done)} accepted, {len(report.refused)} refused")
        for one in report.refused:
            output.complain(f"{one.process_id}: {one.message}")
    return NOT_DONE if report.refused else DONE


def show_plan(found: Sequence[Parked]) -> None:
    """Print how many processes are parked, and the first ones with their reasons."""
    click.echo(f"{len(found)} parked" if found else "Nothing is parked for such a reason")
    for one in found[:SHOWN]:
        click.echo(spelled(f"  {one.process_id}: {one.failed_reason}"))
    if len(found) > SHOWN:
        click.echo(f"  and {len(found) - SHOWN} more")


def _ask(verb: str, number: int) -> None:
    if not sys.stdin.isatty():
        raise InvalidInput(f"No terminal to ask whether to {verb} {number} processes; give --yes")
    click.confirm(f"{verb.capitalize()} {number} processes?", abort=True, err=True)


async def _act(connections: Connections, found: Sequence[Parked], act: Act) -> Report:
    report, places = Report(), asyncio.Semaphore(AT_ONCE)
    with Progress(console=output.stderr, transient=True, disable=not output.stderr.is_terminal) as progress:
        task = progress.add_task("", total=len(found))

        async def one(process_id: str) -> None:
            async with places:
                try:
                    await act(connections, process_id)
                    report.done.append(process_id)
                except ActionRefused as error:
                    report.refused.append(Refused(process_id=process_id, message=str(error)))
            progress.advance(task)

        await asyncio.gather(*(one(parked.process_id) for parked in found))
    return report
