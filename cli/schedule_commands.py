"""The commands that show and change the schedules of validations and of clean-up."""

from datetime import timedelta

import click

from cli import output
from cli.act_commands import note_of
from cli.connections import Connections, with_connections
from cli.documents import Document
from cli.exit_codes import DONE
from cli.form_options import fill
from cli.json_output import print_json
from cli.options import Command, examples, group, json_option
from cli.times import UNITS, as_duration
from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import shown
from orchestrator.operations.clean_up import CleanUpForm
from orchestrator.operations.schedules import (
    CLEAN_UP,
    VALIDATION,
    RegularSchedule,
    end_schedule,
    read_schedule,
    set_schedule,
)
from orchestrator.operations.validate_subscriptions import ValidateSubscriptionsForm
from orchestrator.process.forms import OperatorNote

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=365)
NAMES = {"validate": VALIDATION, "clean_up": CLEAN_UP}
"""What can be scheduled, by its name in the document."""


@group(
    "schedule",
    invoke_without_command=True,
    epilog=examples(
        "starter.py schedule", "starter.py schedule validate --every 1d", "starter.py schedule clean-up --off"
    ),
)
@json_option
@click.pass_context
def schedule(context: click.Context, as_json: bool) -> int:
    """Show what is scheduled, or change it."""
    context.obj = as_json
    if context.invoked_subcommand is None:
        _print(with_connections(lambda connections: _read(connections, *NAMES)), as_json)
    return DONE


def scheduling_options(command: Command) -> Command:
    """Add the options that every scheduling command has."""
    for option in (
        json_option,
        click.option("--reason", help="Why you do this, in one line."),
        click.option("--by", help="Who does this (default: your login name)."),
        click.option("--off", is_flag=True, help="Delete the schedule; what has begun continues."),
        click.option("--every", metavar="TIME", help="Interval: a number and s, m, h or d (default: 1d)."),
    ):
        command = option(command)
    return command


@schedule.command(
    "validate",
    epilog=examples(
        "starter.py schedule validate --every 1d",
        "starter.py schedule validate --every 12h --reason audit",
        "starter.py schedule validate --off",
    ),
)
@scheduling_options
@click.option("--at-once", metavar="N", help="Validations that run at the same time, 1 to 100 (default: 2).")
@click.pass_obj
def schedule_validate(
    group_as_json: bool,
    every: str | None,
    off: bool,
    by: str | None,
    reason: str | None,
    as_json: bool,
    at_once: str | None,
) -> int:
    """Validate every active subscription regularly. A Temporal Schedule does that."""
    form = _fill(ValidateSubscriptionsForm, by, reason, at_once=at_once)
    alone = every is None and at_once is None
    return _change("validate", form, every, off=off, alone=alone, as_json=as_json or group_as_json)


@schedule.command(
    "clean-up",
    epilog=examples("starter.py schedule clean-up --every 1d", "starter.py schedule clean-up --off"),
)
@scheduling_options
@click.option("--days", metavar="N", help="Days that what has ended is kept (default: RETENTION_DAYS).")
@click.pass_obj
def schedule_clean_up(
    group_as_json: bool,
    every: str | None,
    off: bool,
    by: str | None,
    reason: str | None,
    as_json: bool,
    days: str | None,
) -> int:
    """Clean up regularly what has ended long ago. A Temporal Schedule does that."""
    form = _fill(CleanUpForm, by, reason, days=days)
    alone = every is None and days is None
    return _change("clean_up", form, every, off=off, alone=alone, as_json=as_json or group_as_json)


def as_interval(text: str) -> timedelta:
    """Return the interval that was typed, e.g. ``1d`` or ``12h``.

    Raises:
        InvalidInput: if it is not an interval, shorter than a minute or longer than a year.
    """
    interval = as_duration(text) or timedelta()
    if not SHORTEST <= interval <= LONGEST:
        raise InvalidInput(
            f"'{shown(text)}' is not an interval from 1m to 365d; give a number and s, m, h or d, like 1d"
        )
    return interval


def _fill(form: type[OperatorNote], by: str | None, reason: str | None, **typed: str | None) -> OperatorNote:
    given = note_of(by, reason).model_dump(exclude_none=True)
    return fill(form, given | {name: value for name, value in typed.items() if value is not None})


def _change(
    name: str, form: OperatorNote, every: str | None, *, off: bool, alone: bool, as_json: bool
) -> int:
    """Create, replace or delete a schedule, and print it.

    Args:
        alone: whether no option was given that says when and how it runs.
    """
    if off and not alone:
        raise InvalidInput("Give --off alone: it deletes the schedule")
    interval, regular = as_interval("1d" if every is None else every), NAMES[name]

    async def work(connections: Connections) -> dict[str, RegularSchedule]:
        if off:
            await end_schedule(connections.client, regular)
        else:
            await set_schedule(connections.client, regular, interval, form)
            if connections.temporary:
                output.say('The embedded stack stops with this command; schedules run only under "make up"')
        return await _read(connections, name)

    _print(with_connections(work), as_json)
    return DONE


async def _read(connections: Connections, *names: str) -> dict[str, RegularSchedule]:
    return {name: await read_schedule(connections.client, NAMES[name]) for name in names}


def _print(found: dict[str, RegularSchedule], as_json: bool) -> None:
    if as_json:
        print_json({name: _document(one) for name, one in found.items()})
        return
    scheduled = {name: one for name, one in found.items() if one.scheduled}
    if not scheduled:
        click.echo("Nothing runs regularly")
    for number, (name, one) in enumerate(scheduled.items()):
        if number:
            click.echo()
        document = _document(one)
        every = document.pop("every")
        document.pop("scheduled")
        document["last_totals"] = None if one.last_totals is None else str(one.last_totals)
        when = "at times set by another program" if every is None else f"every {every}"
        output.print_facts({name.replace("_", "-"): when} | document)


def _document(found: RegularSchedule) -> Document:
    every = None if found.every is None else _typed(found.every)
    return found.model_dump(mode="json") | {"every": every}


def _typed(interval: timedelta) -> str:
    """Return the interval as one would type it, in the largest unit that fits."""
    seconds = int(interval.total_seconds())
    unit = next(unit for unit, size in reversed(UNITS.items()) if seconds % size == 0)
    return f"{seconds // UNITS[unit]}{unit}"
