"""Run a bulk: start it, and follow it to its end."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from temporalio.common import WorkflowIDReusePolicy

from catalogue import workflow_type
from cli import output
from cli.bulk_documents import BulkDocument, bulk_document, is_active, process_id_of, write_failures
from cli.bulk_output import counted, progress_bar
from cli.connections import Connections
from cli.exit_codes import DONE, NOT_DONE
from cli.following import patiently
from cli.form_options import fill
from orchestrator.database import bulk_rows, bulks
from orchestrator.domain.bulk import Bulk, RowCounts
from orchestrator.domain.errors import ProcessAlreadyExists
from orchestrator.operations.apply_rows import AT_ONCE, ApplyRows, ApplyRowsForm
from orchestrator.process.forms import OperatorNote
from orchestrator.process.starting import start_execution

LOOK_EVERY = 0.5
"""Seconds between two looks at a bulk that is followed."""


def require_at_once(text: str | None) -> int:
    """Return how many processes may be in progress.

    Raises:
        InvalidInput: if it is not a number from 1 to 100.
    """
    form = fill(ApplyRowsForm, {"bulk_id": UUID(int=0), "at_once": AT_ONCE if text is None else text})
    return form.at_once


async def start_bulk(connections: Connections, bulk_id: UUID, at_once: int, note: OperatorNote) -> None:
    """Start the process that runs the bulk; if it runs already, do nothing."""
    form = ApplyRowsForm(bulk_id=bulk_id, at_once=at_once, by=note.by, reason=note.reason)
    with suppress(ProcessAlreadyExists):
        await start_execution(
            connections.client,
            workflow_type(ApplyRows),
            form,
            process_id_of(bulk_id),
            title=f"Apply the rows of bulk {bulk_id}",
            reuse=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )


async def follow_bulk(connections: Connections, bulk_id: UUID, *, quiet: bool) -> BulkDocument:
    """Wait until the process of the bulk has ended, and show how far it is; return its document.

    Args:
        quiet: whether to show nothing.
    """
    with progress_bar(quiet=quiet) as progress:
        task = progress.add_task("", total=None, told="", rate="")
        began, first = time.monotonic(), -1
        while True:
            looked_at = time.monotonic()
            bulk, counts, active = await patiently(lambda: _look(connections, bulk_id))
            ended = bulk.rows - counts.open
            first = ended if first < 0 else first
            rate = (ended - first) / max(time.monotonic() - began, LOOK_EVERY)
            progress.update(task, total=bulk.rows, completed=ended, told=counts.unwell, rate=f"{rate:.1f}/s")
            if not active:
                return await patiently(lambda: bulk_document(connections, bulk_id))
            # Counting the rows that wait takes a while if they are a million.
            await asyncio.sleep(max(LOOK_EVERY, 10 * (time.monotonic() - looked_at)))


async def _look(connections: Connections, bulk_id: UUID) -> tuple[Bulk, RowCounts, bool]:
    # First whether it runs: what it has done until then is in the database.
    active = await is_active(connections, bulk_id)
    async with connections.pool.acquire() as connection:
        bulk = await bulks.read_bulk(connection, bulk_id)
        counts = await bulk_rows.count_rows(connection, [bulk])
    return bulk, counts[bulk_id], active


async def keep_failures(connections: Connections, document: BulkDocument, path: Path) -> None:
    """Write the rows that have ended badly into this file, if there are any, and say so."""
    if not document.ended_badly:
        return
    failed = counted(document.ended_badly, "row")
    try:
        await write_failures(connections, document.bulk_id, path)
    except OSError as error:
        again = f"starter.py bulk {document.bulk_id} --errors FILE"
        output.say(f"{failed} failed; cannot write {path} ({error.strerror}). Write another file: {again}")
    else:
        output.say(f"{failed} failed; correct {path}, and apply that file")


def outcome_of(document: BulkDocument) -> int:
    """Return the exit code for a bulk that was followed, and print what is missing if it is not 0."""
    missing = document.rows - document.completed
    if not missing:
        return DONE
    output.complain(f"{counted(missing, 'row')} of {document.rows} not completed: {document.counts}")
    return NOT_DONE


def say_bulk_interrupted(bulk_id: UUID | None) -> None:
    """Print, after Ctrl-C, what continues and which command shows it."""
    if bulk_id is None:
        output.say("Stopped; nothing was uploaded")
    else:
        output.say(f"The bulk continues; follow it again with: starter.py bulk {bulk_id} --follow")
