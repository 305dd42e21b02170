"""Run a workflow that is no process on one subscription: start it, and follow it until it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import click
from pydantic import BaseModel
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError

from catalogue import HasTarget, workflow_type
from cli import output
from cli.acting import ActionRefused
from cli.concluding import Sent, say_interrupted
from cli.connections import Connections, with_connections
from cli.documents import Outcome, error_of
from cli.exit_codes import DONE, INTERRUPTED, NOT_DONE
from cli.following import patiently
from cli.json_output import print_json
from cli.starting import new_process_id, start_process
from cli.typed import require_text
from cli.web_ui import link_to, show_page
from orchestrator.domain.errors import ProcessAlreadyExists
from orchestrator.domain.process import ProcessStatus
from orchestrator.process.forms import OperatorNote
from orchestrator.temporal.executions import find_execution
from orchestrator.temporal.history import LastError

T = TypeVar("T", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class Operation(Generic[T, R]):
    """What a command runs."""

    definition: type[HasTarget]
    title: str
    """What the Web UI shows."""
    result: type[T]
    """What it returns, and answers so far; its text is shown as progress."""
    query: str
    """Name of the query that asks it how far it is."""
    all_of_it: str
    """What it does if it is not aborted: the end of "It ended before …"."""
    again: str
    """The command that follows it again; `{}` stands for its id."""
    report: Callable[[Connections, str, T], Awaitable[R]]
    """Makes the document from its id and its result."""


def operate(
    operation: Operation[T, R],
    form: OperatorNote,
    process_id: str | None,
    *,
    no_wait: bool,
    opens: bool,
    as_json: bool,
    show: Callable[[R], None],
    is_good: Callable[[R], bool] = lambda report: True,
) -> int:
    """Run an operation, print its report, and return the exit code.

    Args:
        process_id: id to run under; if it runs or has run under this id, it is followed instead.
        opens: whether to open its page in a browser.
        show: prints the report for people.
        is_good: whether the report means success.
    """
    require_text(process_id)
    sent = Sent()

    async def work(connections: Connections) -> tuple[R | Outcome, LastError | None]:
        wanted_id = process_id or new_process_id(operation.definition)
        over: LastError | None = None
        try:
            await start_process(connections, operation.definition, form, wanted_id, title=operation.title)
        except ProcessAlreadyExists as error:
            if (still_open := await _is_open(connections, operation.definition, wanted_id)) is None:
                raise
            over = None if still_open else error_of(error)
        sent.process_id = wanted_id
        await show_page(connections, wanted_id, opens=opens, quiet=as_json)
        if no_wait:
            link = await link_to(connections, wanted_id)
            return Outcome(process_id=wanted_id, status=ProcessStatus.RUNNING, error=over, link=link), over
        result = await _follow(connections, operation, wanted_id)
        return await patiently(lambda: operation.report(connections, wanted_id, result)), over

    try:
        found, over = with_connections(work, lasting=no_wait)
    except KeyboardInterrupt:
        say_interrupted(sent.process_id, follow=operation.again)
        return INTERRUPTED
    if as_json:
        print_json(found)
    elif isinstance(found, Outcome):
        click.echo(found.process_id)
    else:
        show(found)
    if over is not None and not as_json:
        output.complain(over.message)
    return DONE if over is None and (isinstance(found, Outcome) or is_good(found)) else NOT_DONE


async def _is_open(connections: Connections, definition: type[HasTarget], process_id: str) -> bool | None:
    """Return whether the process is open; `None` if it is of another workflow."""
    execution = await find_execution(connections.client, process_id)
    if execution is None or execution.workflow != workflow_type(definition):
        return None
    return execution.closed_as is None


async def _follow(connections: Connections, operation: Operation[T, R], process_id: str) -> T:
    handle = connections.client.get_workflow_handle(process_id, result_type=operation.result)
    telling = asyncio.create_task(_tell(handle, operation))
    try:
        result: T = await patiently(handle.result)
    except WorkflowFailureError as error:
        kind = "Aborted" if isinstance(error.cause, CancelledError) else "Failed"
        raise ActionRefused(
            f"{process_id} ended before {operation.all_of_it}: {error.cause}", kind
        ) from error
    finally:
        telling.cancel()
    return result


async def _tell(handle: WorkflowHandle[Any, T], operation: Operation[T, R]) -> None:
    told = operation.result()
    while True:
        await asyncio.sleep(1)
        with suppress(RPCError):
            so_far = await handle.query(operation.query, result_type=operation.result)
            if so_far != told:
                told = so_far
                output.say(str(so_far))
