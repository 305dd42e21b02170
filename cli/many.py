"""Act on many processes or subscriptions: show the plan, ask, act on each, and report."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import click
from pydantic import BaseModel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from cli import output
from cli.acting import ActionRefused
from cli.asking import confirm
from cli.connections import Connections, with_connections
from cli.exit_codes import DONE, INTERRUPTED, NOT_DONE
from cli.filtering import require_product, require_step, require_workflow, with_holder
from cli.json_output import print_json
from cli.out_of_sync import why_out_of_sync
from orchestrator.database import process_lists, processes, subscriptions
from orchestrator.database.filters import ProcessFilter, SubscriptionFilter
from orchestrator.database.process_lists import FailedKind
from orchestrator.domain.errors import DomainError, InvalidInput
from orchestrator.domain.subscription import Status
from orchestrator.domain.text import spelled

AT_ONCE = 10
"""Processes or subscriptions that are acted on at the same time."""
SHOWN = 10
"""Those that the plan names."""
MOST = 10_000
"""Subscriptions that one command acts on."""
EVERY = 10_000_000
"""More processes than can be parked."""


class Found(NamedTuple):
    """A process or a subscription that a command for many is about to act on."""

    id: str
    why: str


Kind = Literal["process", "subscription"]
Find = Callable[[Connections], Awaitable[list[Found]]]
Act = Callable[[Connections, str], Awaitable[object]]
"""Acts on the process or the subscription with this id; raises an error if that is refused."""


@dataclass(frozen=True)
class Many:
    """What to do with which processes or subscriptions."""

    verb: str
    """What is done, as the question says it: `retry`."""
    kind: Kind
    find: Find
    act: Act
    yes: bool
    """Whether not to ask."""
    lasting: bool = True
    """Whether it leaves processes that run on."""

    def counted(self, number: int) -> str:
        """Return so many of its kind, in words."""
        plural = {"process": "parked processes", "subscription": "subscriptions"}[self.kind]
        singular = {"process": "parked process", "subscription": "subscription"}[self.kind]
        return f"{number} {singular if number == 1 else plural}"


class Refused(BaseModel):
    """A process or a subscription that has refused."""

    process_id: str | None = None
    subscription_id: str | None = None
    message: str


class Report(BaseModel):
    """What was done, as `--json` prints it."""

    done: list[str] = []
    """Ids of the processes that have accepted, or of the subscriptions."""
    refused: list[Refused] = []


def act_on_many(many: Many, *, as_json: bool) -> int:
    """Act on everything that is found; return 0 if nothing was refused, else 1.

    Raises:
        InvalidInput: when there is no terminal to ask on.
        click.Abort: when the answer is no.
    """
    found = with_connections(many.find, reads=True)
    if not as_json:
        show_plan(many, found)
    if found and not many.yes:
        _ask(many, len(found))
    report, stopped = Report(), False
    try:
        if found:
            with_connections(lambda to: _act(to, many, found, report), lasting=many.lasting)
    except KeyboardInterrupt:
        stopped = True
    except Exception:
        _print(report)  # the error that follows must not hide what was done
        raise
    if as_json:
        print_json(report)
    else:
        _print(report)
    if stopped:
        output.say(
            f"Stopped after {len(report.done)} of {len(found)}; run the same command again for the rest"
        )
        return INTERRUPTED
    return NOT_DONE if report.refused else DONE


def find_parked(wanted: ProcessFilter) -> Find:
    """Return a function that finds the parked processes that fit, newest first.

    What was acted on is not parked any more. So after an interruption the same command finds the rest.
    """

    async def find(connections: Connections) -> list[Found]:
        async with connections.pool.acquire() as connection:
            await require_workflow(connection, wanted.workflow)
            fitting = replace(wanted, step=await require_step(connection, wanted.step))
            rows = await process_lists.list_processes(
                connection, status=FailedKind.PARKED, fitting=fitting, limit=EVERY
            )
        return [Found(row.process_id, row.failed_reason or "") for row in rows]

    return find


def find_subscriptions(
    wanted: SubscriptionFilter,
    product: str | None,
    *,
    status: Status | None = None,
    out_of_sync: bool = False,
) -> Find:
    """Return a function that finds the subscriptions that fit, newest first.

    It raises `InvalidInput` if there are too many.
    """

    async def find(connections: Connections) -> list[Found]:
        fitting = await with_holder(connections, wanted)
        async with connections.pool.acquire() as connection:
            await require_product(connection, product)
            found = await subscriptions.list_subscriptions(
                connection,
                status=status,
                product=product,
                out_of_sync=out_of_sync,
                fitting=fitting,
                limit=MOST + 1,
            )
            if len(found) > MOST:
                raise InvalidInput(f"More than {MOST} subscriptions fit; give another filter as well")
            held = [one.held_by for one in found if one.held_by is not None]
            holders = await processes.read_processes(connection, held)
        return [
            Found(
                str(one.subscription_id),
                one.description if one.insync else f"{one.description}, {why_out_of_sync(one, holders)}",
            )
            for one in found
        ]

    return find


def show_plan(many: Many, found: Sequence[Found]) -> None:
    """Print how many were found, and the first ones with the reason of each."""
    click.echo(many.counted(len(found)) if found else f"No {many.counted(1).removeprefix('1 ')} fits")
    for one in found[:SHOWN]:
        click.echo(spelled(f"  {one.id}: {one.why}"))
    if len(found) > SHOWN:
        click.echo(f"  and {len(found) - SHOWN} more")


def _ask(many: Many, number: int) -> None:
    if not sys.stdin.isatty():
        raise InvalidInput(f"No terminal to ask whether to {many.verb} {many.counted(number)}; give --yes")
    confirm(f"{many.verb.capitalize()} {many.counted(number)}?")


def _print(report: Report) -> None:
    output.say(f"{len(report.done)} accepted, {len(report.refused)} refused")
    if report.done:
        output.say('Look at what has become of them with: "starter.py status"')
    for one in report.refused:
        output.complain(f"{one.process_id or one.subscription_id}: {one.message}")


async def _act(connections: Connections, many: Many, found: Sequence[Found], report: Report) -> None:
    places = asyncio.Semaphore(AT_ONCE)
    bar = Progress(
        *(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()),
        console=output.stderr,
        transient=True,
        disable=not output.stderr.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=len(found))

        async def one(wanted: str) -> None:
            async with places:
                try:
                    await many.act(connections, wanted)
                    report.done.append(wanted)
                except (ActionRefused, DomainError) as error:
                    named = {f"{many.kind}_id": wanted}
                    report.refused.append(Refused.model_validate({"message": str(error), **named}))
            bar.advance(task)

        await asyncio.gather(*(one(wanted.id) for wanted in found))
