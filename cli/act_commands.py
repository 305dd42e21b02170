"""The commands that act on a process: retry, give-up, abort."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import click

from catalogue import CATALOGUE, form_of
from cli.acting import (
    ActionRefused,
    request_abort,
    require_abortable,
    require_begun,
    require_not_lost,
    send_update,
)
from cli.concluding import Sent, conclude, watch
from cli.connections import Connections
from cli.documents import Outcome, ProcessDocument
from cli.filtering import process_filters
from cli.form_options import current_user, fill, form_options
from cli.many import Many, act_on_many, find_parked
from cli.meaning import find_process
from cli.options import command, examples, json_option
from cli.process_documents import process_document
from cli.typed import require_text
from orchestrator.database import notes, processes
from orchestrator.database.connection import transaction
from orchestrator.database.filters import ProcessFilter
from orchestrator.database.processes import TrailEvent
from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from orchestrator.process.forms import OperatorNote, RetryNote, StartForm
from orchestrator.temporal.executions import attempt_now
from orchestrator.temporal.history import LastError

SAID = (
    json_option,
    click.option("--no-wait", is_flag=True, help="Return as soon as the process has accepted the request."),
    click.option("--reason", help="Why you do this, in one line."),
    click.option("--by", help="Who does this (default: your login name)."),
)
"""The options of every command on a process."""


def one_process_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add the argument and the options of a command on one process."""
    for option in (*SAID, click.argument("process_id")):
        function = option(function)
    return function


def acting_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add the argument and the options of a command on one process or on many."""
    for option in (
        *SAID,
        click.option("--yes", is_flag=True, help="For many: do not ask for confirmation."),
        click.option("--because", metavar="TEXT", help="Only processes that are parked for such a reason."),
        process_filters,
        click.argument("process_id", required=False),
    ):
        function = option(function)
    return function


def correction_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add an option for each value that can be corrected in some process."""
    forms: list[type[StartForm]] = []
    without: set[str] = set()
    for entry in CATALOGUE:
        fixed = entry.subscription.stage(entry.product_type, Status.ACTIVE).block_class().references()
        for form in (form_of(one) for one in entry.workflows):
            forms.append(form)
            without |= set(form.model_fields) - (form.correctable() - set(fixed))
    return form_options(*forms, without=without, asks=False)(function)


@command(
    "retry",
    epilog=examples(
        'starter.py retry create_user_group-… --reason "name freed"',
        'starter.py retry create_user_group-… --group-name "Security team"',
    ),
)
@correction_options
@acting_options
def retry(
    *,
    process_id: str | None,
    wanted: ProcessFilter,
    yes: bool,
    by: str | None,
    reason: str | None,
    no_wait: bool,
    as_json: bool,
    **given: str | None,
) -> int:
    """Run a failed step again, or now.

    A step that has parked runs again, if need be with corrected values: it and all later ones use them. One
    that waits for its next attempt makes it now.

    With filters instead of an id: retry all that are parked and fit.
    """
    values = {name: None if value == "null" else value for name, value in given.items() if value is not None}

    async def send(connections: Connections, found: str, note: OperatorNote) -> None:
        retry_note = RetryNote.model_validate(note.model_dump() | {"values": values})
        try:
            await send_update(connections, found, "retry", retry_note)
        except ActionRefused as error:
            if error.type != "NotParked" or values or not await attempt_now(connections.service, found):
                raise
            await _note_attempt(connections, found, note)

    return act(
        "retry",
        send,
        process_id=process_id,
        wanted=wanted,
        yes=yes,
        by=by,
        reason=reason,
        no_wait=no_wait,
        as_json=as_json,
    )


async def _note_attempt(connections: Connections, process_id: str, note: OperatorNote) -> None:
    """Leave a note that says who has asked for the next attempt, and why: Temporal keeps neither."""
    why = f": {note.reason}" if note.reason else ""
    async with transaction(connections.pool) as connection:
        row = await processes.read_process(connection, process_id)
        if row is not None:
            event = TrailEvent(
                event="noted",
                step=row.last_step,
                by=note.by,
                reason=f"next attempt made at once{why}",
                at=datetime.now(UTC),
            )
            await notes.note_process(connection, process_id, event)


@command("adopt", epilog=examples('starter.py adopt create_user_group-… --reason "made by hand"'))
@one_process_options
def adopt(process_id: str, **said: Any) -> int:
    """Take what the external system has as a result.

    For a failing step whose work was done by hand: it is not called again. Refused if nothing fits.
    """

    async def send(connections: Connections, found: str, note: OperatorNote) -> None:
        await send_update(connections, found, "adopt", note)
        await attempt_now(connections.service, found)  # it finds its work done

    return act("adopt", send, process_id=process_id, wanted=ProcessFilter(), yes=False, **said)


@command("give-up", epilog=examples('starter.py give-up create_user_group-… --reason "removed by hand"'))
@acting_options
def give_up(**said: Any) -> int:
    """End an aborted process that is parked. Its subscription stays out of sync until set-in-sync.

    With filters instead of an id: give up all that are parked and fit.
    """
    return act(
        "give up",
        lambda connections, found, note: send_update(connections, found, "give_up", note),
        wanted_status=ProcessStatus.FAILED,
        **said,
    )


@command("abort", epilog=examples('starter.py abort create_user_group-… --reason "wrong name"'))
@acting_options
def abort(**said: Any) -> int:
    """Cancel a process and roll it back. Exit code 0 means that it ended aborted.

    With filters instead of an id: abort all that are parked and fit.
    """
    return act(
        "abort",
        request_abort,
        require=require_abortable,
        wanted_status=ProcessStatus.ABORTED,
        **said,
    )


def act(
    verb: str,
    action: Callable[[Connections, str, OperatorNote], Awaitable[None]],
    *,
    process_id: str | None,
    wanted: ProcessFilter,
    yes: bool,
    by: str | None,
    reason: str | None,
    no_wait: bool,
    as_json: bool,
    require: Callable[[ProcessDocument], None] = require_begun,
    wanted_status: ProcessStatus = ProcessStatus.COMPLETED,
) -> int:
    """Act on a process, follow it, print its outcome, and return the exit code. Or act on many.

    Args:
        verb: what is done, as a question says it.
        action: acts on the process with the id that it is given.
        process_id: what was typed for the process; `None` if it is about many.
        wanted: which parked processes, if it is about many.
        yes: whether not to ask, if it is about many.
        require: raises if the action could have no effect.
        wanted_status: the status that counts as success.
    """
    note = note_of(by, reason)
    if (process_id is None) == (not wanted):
        raise InvalidInput("Give either a process id, or filters such as --because or --workflow for many")
    require_text(process_id)

    async def begin(connections: Connections, found: str, sent: Sent | None = None) -> ProcessDocument:
        before = await process_document(connections, found)
        require_not_lost(before)
        require(before)
        if sent is not None:
            sent.process_id = found  # an update may have arrived even if its answer did not
        await action(connections, found, note)
        return before

    async def begin_parked(connections: Connections, found: str) -> None:
        # Somebody may have acted on it since the plan was made, which speaks of parked processes.
        if not (await process_document(connections, found)).parked:
            raise ActionRefused(f'Process "{found}" is not parked any more', "NotParked")
        await begin(connections, found)

    if process_id is None:
        many = Many(verb, "process", find_parked(wanted), begin_parked, yes)
        return act_on_many(many, as_json=as_json)

    async def work(connections: Connections, sent: Sent) -> Outcome:
        found = await find_process(connections, process_id)
        before = await begin(connections, found, sent)
        if no_wait:
            return Outcome(process_id=found, status=ProcessStatus.RUNNING)
        result = await watch(connections, found, as_json=as_json, parked_before=before.times_parked)
        return result.model_copy(update={"error": _error(result, wanted_status)})

    return conclude(work, no_wait=no_wait, as_json=as_json)


def note_of(by: str | None, reason: str | None) -> OperatorNote:
    """Return who acts (default: the login name) and why.

    Raises:
        InvalidInput: if a name or a reason cannot be stored.
    """
    noted = {"by": by or current_user(), "reason": reason}
    return fill(OperatorNote, {name: value for name, value in noted.items() if value})


def _error(result: Outcome, wanted: ProcessStatus) -> LastError | None:
    if result.status is wanted:
        return None
    if result.status is ProcessStatus.COMPLETED:
        forward = "The abort came too late to roll anything back; the process has completed"
        already = "The process had already completed; nothing was changed"
        return LastError(type="TooLate", message=forward if result.aborted else already)
    return result.error
