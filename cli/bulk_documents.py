"""The JSON documents of bulks, and the files of their failures."""

import csv
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import from_json

from catalogue import workflow_type, workflows
from cli.connections import Connections
from cli.row_forms import ACTION, PRODUCT, REPORTED
from orchestrator.database import bulk_rows, bulks
from orchestrator.domain.bulk import Bulk, RowCounts, RowFailure, RowStatus
from orchestrator.operations.apply_rows import ApplyRows
from orchestrator.temporal.executions import find_execution

PAGE = 1000
"""Failures that are read at once, and that a document has at most."""


class Failure(BaseModel):
    """A row that has parked or ended badly, as `--json` prints it."""

    line: int
    status: RowStatus
    process_id: str
    reason: str | None


class BulkDocument(Bulk):
    """A bulk with the number of its rows by status, as `--json` prints it."""

    waiting: int
    running: int
    parked: int
    completed: int
    refused: int
    failed: int
    aborted: int
    lost: int
    active: bool | None = None
    """Whether its process is open in Temporal; `None` in a list."""
    failures: tuple[Failure, ...] = ()

    @property
    def counts(self) -> RowCounts:
        """Number of rows by status."""
        return RowCounts(**self.model_dump(include=set(RowCounts.model_fields)))

    @property
    def ended_badly(self) -> int:
        """Number of rows that have ended, but not completed."""
        return self.refused + self.failed + self.aborted + self.lost


def process_id_of(bulk_id: UUID) -> str:
    """Return the id of the process that runs a bulk."""
    return f"{workflow_type(ApplyRows)}-{bulk_id}"


async def is_active(connections: Connections, bulk_id: UUID) -> bool:
    """Return whether the process that runs the bulk is open in Temporal."""
    execution = await find_execution(connections.service, process_id_of(bulk_id))
    return execution is not None and execution.closed_as is None


async def bulk_documents(connections: Connections, *, limit: int, after: UUID | None) -> list[BulkDocument]:
    """Return the documents of bulks, newest first.

    Args:
        after: only those after this bulk in the list, which are older; `None` means from the newest.
    """
    async with connections.pool.acquire() as connection:
        listed = await bulks.list_bulks(connection, limit=limit, after=after)
        counts = await bulk_rows.count_rows(connection, listed)
    return [BulkDocument(**bulk.model_dump(), **counts[bulk.bulk_id].model_dump()) for bulk in listed]


async def bulk_document(connections: Connections, bulk_id: UUID) -> BulkDocument:
    """Return the document of a bulk with its failures.

    Raises:
        BulkNotFound: if there is none with this id.
    """
    active = await is_active(connections, bulk_id)
    async with connections.pool.acquire() as connection:
        bulk = await bulks.read_bulk(connection, bulk_id)
        counts = (await bulk_rows.count_rows(connection, [bulk]))[bulk_id]
        failed = await bulk_rows.list_failures(connection, bulk_id, limit=PAGE)
    failures = tuple(
        Failure(line=one.line, status=one.status, process_id=one.process_id, reason=one.message)
        for one in failed
    )
    return BulkDocument(**bulk.model_dump(), **counts.model_dump(), active=active, failures=failures)


async def write_failures(connections: Connections, bulk_id: UUID, path: Path) -> None:
    """Write the rows that have ended badly into a CSV file that `apply` takes, once they are corrected.

    Parked rows are not among them: their processes still hold their subscriptions.

    Raises:
        FileExistsError: when there is such a file: somebody may have corrected it.
    """
    names = dict.fromkeys((*REPORTED, ACTION, PRODUCT))
    async for row in _ended_badly(connections, bulk_id):
        names |= dict.fromkeys(from_json(row.input))
    with path.open("x", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(names))
        writer.writeheader()
        async for row in _ended_badly(connections, bulk_id):
            writer.writerow(_cells(row))


async def _ended_badly(connections: Connections, bulk_id: UUID) -> AsyncIterator[RowFailure]:
    after = 0
    while True:
        async with connections.pool.acquire() as connection:
            page = await bulk_rows.list_failures(connection, bulk_id, after=after, limit=PAGE)
        for row in page:
            if row.status is not RowStatus.PARKED:
                yield row
        if len(page) < PAGE:
            return
        after = page[-1].line


def _cells(row: RowFailure) -> dict[str, Any]:
    # The workflow may be one that only another release has: its name begins with the action.
    known = {workflow_type(one): one.target.value.lower() for one in workflows()}
    action = known.get(row.workflow, row.workflow.partition("_")[0])
    values = {name: "null" if value is None else value for name, value in from_json(row.input).items()}
    reported = dict(zip(REPORTED, (row.line, row.message), strict=True))
    return reported | {ACTION: action, PRODUCT: row.product} | values
