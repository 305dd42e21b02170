"""Processes that start later: the options `--at` and `--in`, and the command that moves a scheduled start."""

from datetime import datetime

import click

from catalogue import workflow_type
from cli import output
from cli.act_commands import note_of
from cli.acting import ActionRefused, send_update
from cli.connections import Connections, with_connections
from cli.exit_codes import DONE
from cli.form_options import fill
from cli.json_output import print_json
from cli.meaning import find_process, find_subscription
from cli.options import Command, command, examples, json_option
from cli.preparing import Prepare, Prepared
from cli.process_documents import process_document
from cli.starting import exists, new_process_id, start_process
from cli.times import as_future
from cli.typed import require_subscription, require_text
from cli.web_ui import show_page
from orchestrator.domain.errors import InvalidInput, ProcessAlreadyExists
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.scheduled import Scheduled
from orchestrator.operations.start_later import PREFIX, MoveForm, StartLater, StartLaterForm
from orchestrator.process.starting import known_attributes, summary
from orchestrator.temporal.visibility import SCHEDULED_MEMO


def later_options(function: Command) -> Command:
    """Add the options that name a later time."""
    for option in (
        click.option(
            "--in", "within", metavar="DURATION", help="Start it after this time: a number and s, m, h or d."
        ),
        click.option(
            "--at", metavar="TIME", help="Start it then: a date (its midnight) or an ISO time, in UTC."
        ),
    ):
        function = option(function)
    return function


def start_later(
    prepare: Prepare, due: datetime, process_id: str | None, *, about: str, opens: bool, as_json: bool
) -> int:
    """Schedule a process, print what was scheduled, and return the exit code.

    Args:
        process_id: the id that the process will have; `None` means a new one.
        about: what was typed for the subscription that it works on.
        opens: whether to open the page of the scheduled start in a browser.

    Raises:
        ProcessAlreadyExists: if the process, or its scheduled start, exists already.
    """
    require_text(process_id)
    require_subscription(about)

    async def work(connections: Connections) -> Scheduled:
        if process_id is not None and await exists(connections, process_id):
            raise ProcessAlreadyExists(process_id)
        async with connections.pool.acquire() as connection:
            wanted = await find_subscription(connection, about)
        prepared = await prepare(connections, wanted)
        scheduled = await _schedule(connections, prepared, due, process_id)
        await show_page(connections, scheduled.process_id, opens=opens, quiet=as_json)
        if connections.temporary:
            output.say('The embedded stack stops with this command; what is due starts only under "make up"')
        return scheduled

    _print(with_connections(work), as_json=as_json)
    return DONE


async def _schedule(
    connections: Connections, prepared: Prepared, due: datetime, process_id: str | None
) -> Scheduled:
    form, definition = prepared.form, prepared.definition
    starts = process_id or new_process_id(definition)
    note = {"by": form.by, "reason": form.reason}
    values = form.model_dump(mode="json", exclude=set(note))
    fields = {"workflow": workflow_type(definition), "input": values, "at": due, "process_id": starts} | note
    later = fill(StartLaterForm, fields)
    scheduled = Scheduled(
        process_id=f"{PREFIX}{starts}",
        starts=starts,
        workflow=later.workflow,
        title=summary(form.title),
        subscription_id=form.subscription(starts),
        at=later.at,
        by=form.by,
        reason=form.reason,
    )
    await start_process(
        connections,
        StartLater,
        later,
        scheduled.process_id,
        title=f"Later: {form.title}",
        attributes=known_attributes(
            *(form, starts, definition.target, prepared.entry.subscription, prepared.subscription),
            status=ProcessStatus.SCHEDULED,
        ),
        memo={SCHEDULED_MEMO: scheduled},
    )
    return scheduled


@command(
    "move",
    epilog=examples(
        "starter.py move later-terminate_user-… --at 2027-01-01",
        'starter.py move later-terminate_user-… --in 30d --reason "one month more"',
    ),
)
@click.argument("process_id")
@later_options
@click.option("--by", help="Who does this (default: your login name).")
@click.option("--reason", help="Why you do this, in one line.")
@json_option
def move(
    process_id: str, at: str | None, within: str | None, by: str | None, reason: str | None, as_json: bool
) -> int:
    """Start a scheduled process at another time. Earlier and later are possible."""
    require_text(process_id)
    due = as_future(at, within)
    if due is None:
        raise InvalidInput("Give either --at or --in")
    note = note_of(by, reason)

    async def work(connections: Connections) -> Scheduled:
        found = await find_process(connections, process_id)
        document = await process_document(connections, found)
        if document.scheduled is None:
            raise ActionRefused(
                f'"{found}" is not scheduled: only what starts later can be moved', "NotScheduled"
            )
        await send_update(connections, found, "move", MoveForm(at=due, by=note.by, reason=note.reason))
        return document.scheduled.model_copy(update={"at": due})

    _print(with_connections(work), as_json=as_json)
    return DONE


def _print(scheduled: Scheduled, *, as_json: bool) -> None:
    if as_json:
        print_json(scheduled)
    else:
        output.print_facts(scheduled.model_dump() | {"at": scheduled.when})
