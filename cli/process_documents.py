"""The documents of processes: what the trail and Temporal know of them."""

import asyncio
from collections.abc import Sequence

from catalogue import registered_workflows, workflow_type
from cli.connections import Connections
from cli.documents import ProcessDocument, ProcessNotFound
from orchestrator.database import open_processes, processes
from orchestrator.database.processes import TrailRow
from orchestrator.domain.process import ProcessStatus
from orchestrator.process.forms import OperatorNote
from orchestrator.temporal.executions import Execution, find_execution
from orchestrator.temporal.history import History, failure_text
from orchestrator.temporal.reading import read_history, read_history_from

NOT_VALUES = frozenset(OperatorNote.model_fields)
"""Fields of an input that are shown by themselves."""
AT_ONCE = 10
"""Histories that a list reads at the same time."""


async def process_document(
    connections: Connections, process_id: str, history: History | None = None
) -> ProcessDocument:
    """Return the document of a process.

    Args:
        history: what has been read of its history; `None` reads it.

    Raises:
        ProcessNotFound: if neither the trail nor Temporal knows it.
    """
    async with connections.pool.acquire() as connection:
        row = await processes.read_process(connection, process_id)
        events = await processes.read_events(connection, process_id)
    history = await _history_of(connections, process_id, row, history)
    document = await with_steps(connections, process_id, row, history)
    totals = None
    if row is None and history is not None:  # the validation of all has no row
        from cli.totals import read_totals

        totals = await read_totals(connections, document, history)
    return document.model_copy(update={"events": tuple(events), "totals": totals})


async def with_attempts(
    connections: Connections, document: ProcessDocument, history: History
) -> ProcessDocument:
    """Return the document with the attempts, as they are now, of the activities in progress."""
    execution = await find_execution(connections.service, document.process_id)
    steps = history.steps(execution.pending_activities if execution else ())
    return document.model_copy(update={"steps": tuple(steps)})


async def process_documents(connections: Connections, rows: Sequence[TrailRow]) -> list[ProcessDocument]:
    """Return the documents of the processes with these trail rows."""
    places = asyncio.Semaphore(AT_ONCE)
    async with connections.pool.acquire() as connection:
        events = await processes.read_all_events(connection, [row.process_id for row in rows])

    async def read(row: TrailRow) -> ProcessDocument:
        async with places:
            history = await _history_of(connections, row.process_id, row)
            document = await with_steps(connections, row.process_id, row, history)
        return document.model_copy(update={"events": tuple(events[row.process_id])})

    return await asyncio.gather(*map(read, rows))


async def _history_of(
    connections: Connections, process_id: str, row: TrailRow | None, history: History | None = None
) -> History | None:
    """Return the history of the process that the trail is about, or `None` if Temporal does not know it.

    Args:
        row: the trail row of that process; `None` if it has none.
        history: the history of the last process with this id; `None` reads it.
    """
    history = history or await read_history(connections.service, process_id)
    if history is None or row is None or history.first_run_id == row.first_execution_run_id:
        return history
    # Somebody has used the id again. That process is refused; the trail is about the one before.
    return await read_history_from(connections.service, process_id, row.first_execution_run_id)


async def with_steps(
    connections: Connections, process_id: str, row: TrailRow | None, history: History | None
) -> ProcessDocument:
    """Return the document of a process, given what the trail and Temporal know.

    Args:
        row: its trail row; `None` if it has none.
        history: its history; `None` if Temporal does not know it.

    Raises:
        ProcessNotFound: if neither the trail nor Temporal knows it.
    """
    execution = None
    open_in_trail = row is not None and row.ended_at is None
    closed = history is None or history.closed
    # Only Temporal's description has the attempts of an activity in progress.
    if history is not None and (row is None or history.activity_in_progress or (open_in_trail and closed)):
        execution = await find_execution(connections.service, process_id)
    if row is not None and open_in_trail and closed:
        row = await _lost_or_ended(connections, row, execution)
    if row is None:
        if history is None or execution is None:
            raise ProcessNotFound(process_id)
        row = _row_of(process_id, execution, history)
    if history is None:
        return ProcessDocument(**row.model_dump())
    steps = history.steps(execution.pending_activities if execution else ())
    return ProcessDocument(
        **row.model_dump(),
        requested={name: value for name, value in history.input.items() if name not in NOT_VALUES},
        steps=tuple(steps),
        scheduled=None if execution is None else execution.scheduled,
        last_error=history.last_error,
    )


async def _lost_or_ended(connections: Connections, row: TrailRow, execution: Execution | None) -> TrailRow:
    """Return the trail row of a process that Temporal has closed, as the reconciler would leave it."""
    async with connections.pool.acquire() as connection:  # it may have ended since its row was read
        now = await processes.read_process(connection, row.process_id)
    if now is None or now.ended_at is not None:
        return now or row
    closed_as = "not found" if execution is None else execution.closed_as
    if closed_as is None:  # it goes on in a new run
        return now
    found = {
        "status": ProcessStatus.LOST,
        "failed_reason": open_processes.lost_reason(closed_as),
        "ended_at": None if execution is None else execution.ended_at,
    }
    return now.model_copy(update=found)


def _row_of(process_id: str, execution: Execution, history: History) -> TrailRow:
    # It has no row if no worker has started it yet, if its input was refused before the first step, or if it
    # only starts a process later.
    types = {workflow_type(one): one for one in registered_workflows()}
    scheduled, definition = execution.scheduled, types.get(execution.workflow)
    if definition is None:
        raise ProcessNotFound(process_id)
    if scheduled is not None:
        definition = types.get(scheduled.workflow, definition)
    status, still_open = execution.process_status, execution.closed_as is None
    failed_reason = None
    if status == ProcessStatus.SCHEDULED and not still_open:
        status = ProcessStatus.ABORTED  # it was terminated in Temporal, and has locked nothing
        failed_reason = open_processes.lost_reason(execution.closed_as or "")
    if status == ProcessStatus.RUNNING and not still_open:
        status = ProcessStatus.LOST  # it closed without recording its end, and the reconciler finds no row
    assert history.last is not None
    failed = history.last.workflow_execution_failed_event_attributes
    return TrailRow(
        process_id=process_id,
        workflow=execution.workflow,
        target=definition.target,
        subscription_id=None if scheduled is None else scheduled.subscription_id,
        status=ProcessStatus(status or (ProcessStatus.RUNNING if still_open else ProcessStatus.FAILED)),
        created_by=None if scheduled is None else scheduled.by,
        reason=None if scheduled is None else scheduled.reason,
        started_at=execution.started_at,
        ended_at=execution.ended_at,
        last_step=None,
        failed_reason=failure_text(failed.failure) if failed.HasField("failure") else failed_reason,
    )
