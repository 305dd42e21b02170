"""The lists that only Temporal can make: what waits for a system, and what is scheduled."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from rich.text import Text

from cli import output
from cli.connections import Connections
from cli.documents import ProcessDocument
from cli.json_output import print_json
from cli.process_documents import AT_ONCE, process_document
from cli.tables import Column, Table
from orchestrator.domain.scheduled import Scheduled
from orchestrator.domain.text import spelled
from orchestrator.temporal.history import StepLog
from orchestrator.temporal.search_attributes import WAITING
from orchestrator.temporal.visibility import list_open, list_scheduled


async def list_by_status(
    connections: Connections, status: str, subscription_id: UUID | None, *, limit: int, as_json: bool
) -> None:
    """Print the processes that wait, or that are scheduled."""
    if status == WAITING:
        ids = await list_open(connections.service, status, subscription_id=subscription_id, limit=limit)
        found = [one for one in await _documents(connections, ids) if _failing(one) is not None]
        if as_json:
            print_json([one.model_dump(mode="json") for one in found])
        else:
            print_waiting(found)
        return
    scheduled = (await list_scheduled(connections.service, subscription_id=subscription_id))[:limit]
    if as_json:
        print_json([one.model_dump(mode="json") for one in scheduled])
    else:
        print_scheduled(scheduled)


async def _documents(connections: Connections, ids: Sequence[str]) -> list[ProcessDocument]:
    places = asyncio.Semaphore(AT_ONCE)

    async def read(process_id: str) -> ProcessDocument:
        async with places:
            return await process_document(connections, process_id)

    return await asyncio.gather(*map(read, ids))


def _failing(document: ProcessDocument) -> StepLog | None:
    """Return the step that waits; `None` if none does any more, because visibility is behind."""
    failing = (one for one in document.steps if one.ended_at is None and one.failure is not None)
    return None if document.ended_at is not None else next(failing, None)


def print_waiting(documents: Sequence[ProcessDocument]) -> None:
    """Print processes whose step fails for now."""
    columns = (
        *(Column("Process"), Column("Workflow"), Column("Subscription", optional=True), Column("Since")),
        *(Column("Attempts"), Column("Next attempt"), Column("Reason", long=True)),
    )
    rows = [
        (
            output.id_cell(one.process_id),
            Text(one.workflow),
            output.id_cell(str(one.subscription_id or "-")),
            Text(output.clock(step.started_at)),
            Text(str(step.attempts)),
            Text(output.clock(step.next_attempt_at) or "now"),
            Text(spelled(f"{step.title}: {step.failure}")),
        )
        for one in documents
        if (step := _failing(one)) is not None
    ]
    output.show(Table(columns, rows))


def print_scheduled(scheduled: Sequence[Scheduled]) -> None:
    """Print scheduled starts."""
    columns = (
        *(Column("Starts at"), Column("Scheduled start"), Column("Workflow"), Column("Subscription")),
        *(Column("By", optional=True), Column("What and why", long=True)),
    )
    rows = [
        (
            Text(one.when),
            output.id_cell(one.process_id),
            Text(spelled(one.workflow)),
            output.id_cell(str(one.subscription_id or "-")),
            Text(spelled(one.by or "-")),
            Text(spelled(": ".join(part for part in (one.title, one.reason) if part))),
        )
        for one in scheduled
    ]
    output.show(Table(columns, rows))
