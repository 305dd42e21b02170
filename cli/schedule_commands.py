"""The commands that show and change the schedule of validations."""

from datetime import timedelta

import click

from cli import output
from cli.act_commands import note_of
from cli.connections import Connections, with_connections
from cli.exit_codes import DONE
from cli.form_options import fill
from cli.json_output import print_json
from cli.options import examples, group, json_option
from cli.typed import UNITS, as_duration
from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import shown
from orchestrator.operations.validate_subscriptions import ValidateSubscriptionsForm
from orchestrator.operations.validation_schedule import (
    ValidationSchedule,
    end_schedule,
    read_schedule,
    schedule_validation,
)

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=365)


@group(
    "schedule",
    invoke_without_command=True,
    epilog=examples("starter.py schedule", "starter.py schedule validate --every 1d"),
)
@json_option
@click.pass_context
def schedule(context: click.Context, as_json: bool) -> int:
    """Show the schedule of validations, or change it."""
    context.obj = as_json
    if context.invoked_subcommand is None:
        _print(with_connections(lambda connections: read_schedule(connections.client)), as_json)
    return DONE


@schedule.command(
    "validate",
    epilog=examples(
        "starter.py schedule validate --every 1d",
        "starter.py schedule validate --every 12h --reason audit",
        "starter.py schedule validate --off",
    ),
)
@click.option("--every", metavar="TIME", help="Interval: a number and s, m, h or d (default: 1d).")
@click.option("--off", is_flag=True, help="Delete the schedule; a running validation continues.")
@click.option("--at-once", metavar="N", help="Validations that run at the same time, 1 to 100 (default: 2).")
@click.option("--by", help="Who does this (default: your login name).")
@click.option("--reason", help="Why you do this, in one line.")
@json_option
@click.pass_obj
def schedule_validate(
    group_as_json: bool,
    every: str | None,
    off: bool,
    at_once: str | None,
    by: str | None,
    reason: str | None,
    as_json: bool,
) -> int:
    """Validate every active subscription regularly. A Temporal Schedule does that."""
    if off and (every is not None or at_once is not None):
        raise InvalidInput("Give --off alone: it deletes the schedule")
    interval = as_interval("1d" if every is None else every)
    note = note_of(by, reason).model_dump(exclude_none=True)
    form = fill(ValidateSubscriptionsForm, note | ({} if at_once is None else {"at_once": at_once}))

    async def work(connections: Connections) -> ValidationSchedule:
        if off:
            await end_schedule(connections.client)
        else:
            await schedule_validation(connections.client, interval, form)
            if connections.temporary:
                output.say('The embedded stack stops with this command; validations run only under "make up"')
        return await read_schedule(connections.client)

    _print(with_connections(work), as_json or group_as_json)
    return DONE


def as_interval(text: str) -> timedelta:
    """Return the interval that was typed, e.g. ``1d`` or ``12h``.

    Raises:
        InvalidInput: if it is not an interval, shorter than a minute or longer than a year.
    """
    interval = as_duration(text)
    if interval is None or not SHORTEST <= interval <= LONGEST:
        raise InvalidInput(
            f"'{shown(text)}' is not an interval from 1m to 365d; give a number and s, m, h or d, like 1d"
        )
    return interval


def _print(found: ValidationSchedule, as_json: bool) -> None:
    shown = found.model_dump(mode="json")
    shown["every"] = None if found.every is None else _typed(found.every)
    if as_json:
        print_json({"validate": shown})
    elif not found.scheduled:
        click.echo("Nothing is scheduled")
    else:
        every = shown.pop("every")
        shown.pop("scheduled")
        shown["last_totals"] = None if found.last_totals is None else str(found.last_totals)
        when = "at times set by another program" if every is None else f"every {every}"
        output.print_facts({"validate": when} | shown)


def _typed(interval: timedelta) -> str:
    """Return the interval as one would type it, in the largest unit that fits."""
    seconds = int(interval.total_seconds())
    unit = next(unit for unit, size in reversed(UNITS.items()) if seconds % size == 0)
    return f"{seconds // UNITS[unit]}{unit}"
