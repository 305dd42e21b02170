"""Validate every active subscription."""

import asyncio
from contextlib import suppress
from typing import TypeAlias

import click
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError

from catalogue import workflow_type
from cli import output
from cli.acting import ActionRefused
from cli.concluding import Sent, say_interrupted
from cli.connections import Connections, with_connections
from cli.documents import Outcome, Report, error_of
from cli.exit_codes import DONE, INTERRUPTED, NOT_DONE
from cli.following import patiently
from cli.json_output import print_json
from cli.starting import new_process_id, start_process
from cli.totals import report
from cli.typed import require_text
from orchestrator.domain.errors import ProcessAlreadyExists
from orchestrator.domain.process import ProcessStatus
from orchestrator.operations.validate_subscriptions import (
    Totals,
    ValidateSubscriptions,
    ValidateSubscriptionsForm,
)
from orchestrator.temporal.executions import find_execution
from orchestrator.temporal.history import LastError

Handle: TypeAlias = WorkflowHandle[ValidateSubscriptions, Totals]

TITLE = "Validate every active subscription"


def validate_all(
    form: ValidateSubscriptionsForm, process_id: str | None, *, no_wait: bool, as_json: bool
) -> int:
    """Validate every active subscription and print the totals; return 0 if all are in sync, else 1."""
    require_text(process_id)
    sent = Sent()

    async def work(connections: Connections) -> tuple[Report | Outcome, LastError | None]:
        wanted_id = process_id or new_process_id(ValidateSubscriptions)
        over: LastError | None = None
        try:
            await start_process(connections, ValidateSubscriptions, form, wanted_id, title=TITLE)
        except ProcessAlreadyExists as error:
            if (still_open := await _is_open(connections, wanted_id)) is None:
                raise
            over = None if still_open else error_of(error)
        sent.process_id = wanted_id
        if no_wait:
            return Outcome(process_id=wanted_id, status=ProcessStatus.RUNNING, error=over), over
        return await _follow(connections, wanted_id), over

    try:
        found, over = with_connections(work, lasting=no_wait)
    except KeyboardInterrupt:
        say_interrupted(sent.process_id, follow="validate --all --process-id {}")
        return INTERRUPTED
    if as_json:
        print_json(found)
    elif isinstance(found, Report):
        output.print_facts({name: _named(value) for name, value in found.model_dump(mode="json").items()})
    else:
        click.echo(found.process_id)
    if over is not None and not as_json:
        output.complain(over.message)
    in_sync = not isinstance(found, Report) or found.in_sync == found.total
    return DONE if in_sync and over is None else NOT_DONE


async def _is_open(connections: Connections, process_id: str) -> bool | None:
    """Return whether the process is open; `None` if it is not a validation of all subscriptions."""
    execution = await find_execution(connections.client, process_id)
    if execution is None or execution.workflow != workflow_type(ValidateSubscriptions):
        return None
    return execution.closed_as is None


async def _follow(connections: Connections, process_id: str) -> Report:
    handle: Handle = connections.client.get_workflow_handle(process_id, result_type=Totals)
    telling = asyncio.create_task(_tell(handle))
    try:
        totals = await patiently(handle.result)
        execution = await patiently(handle.describe)
        first_run_id = execution.raw_description.workflow_execution_info.first_run_id
        return await patiently(lambda: report(connections, process_id, first_run_id, totals))
    except WorkflowFailureError as error:
        kind = "Aborted" if isinstance(error.cause, CancelledError) else "Failed"
        raise ActionRefused(
            f"{process_id} ended before every subscription was validated: {error.cause}", kind
        ) from error
    finally:
        telling.cancel()


async def _tell(handle: Handle) -> None:
    told = 0
    while True:
        await asyncio.sleep(1)
        with suppress(RPCError):
            totals = await handle.query(ValidateSubscriptions.totals)
            if totals.total != told:
                told = totals.total
                output.say(str(totals))


def _named(value: int | list[str]) -> str:
    return str(value) if isinstance(value, int) else f"{len(value)} {' '.join(value)}".rstrip()
