"""A round of a bulk: start processes for its rows, a few at a time, until it has lasted long enough."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import from_json
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.database import bulk_rows, open_processes, processes
from orchestrator.database.connection import Pool, transaction
from orchestrator.database.processes import TrailRow
from orchestrator.domain.bulk import BulkRow, RowResult, RowStatus
from orchestrator.domain.errors import ProcessAlreadyExists
from orchestrator.domain.input_errors import explain
from orchestrator.process.forms import OperatorNote, RetryNote
from orchestrator.process.starting import Startable, known_attributes, start_execution
from orchestrator.temporal.executions import closed_as
from orchestrator.temporal.priorities import BATCH

QUICK, SLOW = 0.1, 0.5
"""Seconds between two looks at the processes in progress: while they end, and while they do not."""

ASK_AFTER = 30.0
"""Seconds after which Temporal is asked whether a process is still open: it may be lost."""

MOST_IN_PROGRESS = 10_000
"""Rows that a round takes over from the one before; there are never more than run at once."""


@dataclass(frozen=True)
class Limits:
    """When a round ends; the next one goes on with what it leaves."""

    rows: int
    seconds: float


LIMITS = Limits(rows=500, seconds=120)


@dataclass(frozen=True)
class Scene:
    """Where the processes of a bulk run."""

    client: Client
    pool: Pool
    workflows: Mapping[str, Startable]
    """What a row can start, by workflow type."""
    task_queue: str


class Round:
    """One round of a bulk.

    Whoever takes over needs nothing that it remembers: the database has the rows in progress. A process is
    started, or retried, before its row says so; so it may be asked for twice, but it starts once.
    """

    def __init__(self, scene: Scene, bulk_id: UUID, note: OperatorNote, at_once: int) -> None:
        """Create the round.

        Args:
            note: who applies the rows and why, if a row does not say so itself.
            at_once: the largest number of processes in progress.
        """
        self._scene = scene
        self._bulk_id = bulk_id
        self._note = note
        self._at_once = at_once
        self._in_progress: dict[int, BulkRow] = {}
        self._ask_at: dict[int, float] = {}

    async def run(self, limits: Limits, stopping: Callable[[], bool]) -> None:
        """Start rows until none is left, or the round has lasted long enough.

        Args:
            stopping: whether the round should end as soon as possible.

        Raises:
            RPCError: when Temporal does not answer.
        """
        ends_at, left = time.monotonic() + limits.seconds, limits.rows
        found = await self._list(RowStatus.RUNNING, MOST_IN_PROGRESS)
        await self._store(await self._begin(found, retries=False), found)
        pause = QUICK
        while True:
            over = await self._look()
            await self._store(over, [])
            if left <= 0 or stopping() or time.monotonic() > ends_at:
                return
            free = min(self._at_once - len(self._in_progress), left)
            waiting = await self._list(RowStatus.WAITING, free) if free > 0 else []
            await self._store(await self._begin(waiting, retries=True), waiting)
            left -= len(waiting)
            if not self._in_progress and not waiting:
                return
            pause = QUICK if over or waiting else min(pause * 1.5, SLOW)
            await asyncio.sleep(pause)

    async def _list(self, status: RowStatus, limit: int) -> list[BulkRow]:
        async with self._scene.pool.acquire() as connection:
            return await bulk_rows.list_noted(connection, self._bulk_id, status, limit=limit)

    async def _begin(self, rows: Sequence[BulkRow], *, retries: bool) -> list[RowResult]:
        """Start the processes of these rows; return those rows that cannot be started.

        Args:
            retries: whether to retry the process of a row if it exists and is parked.
        """
        trail = await self._trail(rows)

        async def begin(row: BulkRow) -> RowResult | None:
            known = trail.get(row.process_id)
            if known is None:
                return await self._start(row)
            if retries and known.parked:
                await self._retry(row.process_id)
            return None

        return [result for result in await asyncio.gather(*map(begin, rows)) if result is not None]

    async def _start(self, row: BulkRow) -> RowResult | None:
        startable = self._scene.workflows.get(row.workflow)
        if startable is None:
            return _failed(row, f"This release has no workflow {row.workflow!r}")
        try:
            said = self._note.model_dump(exclude_none=True) | from_json(row.input)
            form = startable.form.model_validate(said)
        except ValidationError as error:  # another release has checked it
            return _failed(row, explain(error, startable.form))
        known = known_attributes(form, row.process_id, startable.target, startable.kind)
        with suppress(ProcessAlreadyExists):  # a round that died has started it
            await start_execution(
                self._scene.client,
                row.workflow,
                form,
                row.process_id,
                title=form.title,
                attributes=known,
                task_queue=self._scene.task_queue,
                priority=BATCH,
            )
        return None

    async def _retry(self, process_id: str) -> None:
        note = RetryNote.model_validate(self._note.model_dump(exclude_none=True))
        try:
            await self._scene.client.get_workflow_handle(process_id).execute_update("retry", note)
        except WorkflowUpdateFailedError:
            pass  # somebody else has acted on it
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended
                raise

    async def _look(self) -> list[RowResult]:
        """Return what has become of the rows in progress that are over."""
        trail = await self._trail(self._in_progress.values())
        over = [
            result
            for row in self._in_progress.values()
            if (result := _result(row, trail.get(row.process_id)))
        ]
        return over or await self._look_for_lost()

    async def _look_for_lost(self) -> list[RowResult]:
        """Return the rows whose execution has closed without telling the trail."""
        due = [self._in_progress[line] for line, at in self._ask_at.items() if at < time.monotonic()]
        lost = []
        for row in due:
            self._ask_at[row.line] = time.monotonic() + ASK_AFTER
            closed = await closed_as(self._scene.client, row.process_id)
            if closed is None:
                continue
            known = (await self._trail([row])).get(row.process_id)  # it may have ended since
            status = RowStatus.FAILED if known is None else RowStatus.LOST
            gone = RowResult(
                line=row.line,
                process_id=row.process_id,
                status=status,
                message=open_processes.lost_reason(closed),
            )
            lost.append(_result(row, known) or gone)
        return lost

    async def _trail(self, rows: Collection[BulkRow]) -> dict[str, TrailRow]:
        if not rows:
            return {}
        async with self._scene.pool.acquire() as connection:
            return await processes.read_processes(connection, [row.process_id for row in rows])

    async def _store(self, over: Sequence[RowResult], begun: Sequence[BulkRow]) -> None:
        """Store what has become of rows, and which have begun; keep in mind what is in progress."""
        lines = {one.line for one in over}
        running = [row for row in begun if row.line not in lines]
        results = [
            *over,
            *(
                RowResult(line=row.line, process_id=row.process_id, status=RowStatus.RUNNING)
                for row in running
            ),
        ]
        if results:
            async with transaction(self._scene.pool) as connection:
                await bulk_rows.note_results(connection, self._bulk_id, results)
        for line in lines:
            self._in_progress.pop(line, None)
            self._ask_at.pop(line, None)
        for row in running:
            self._in_progress[row.line] = row
            self._ask_at[row.line] = time.monotonic() + ASK_AFTER


def _result(row: BulkRow, known: TrailRow | None) -> RowResult | None:
    """Return what has become of a row; `None` while its process is in progress."""
    if known is None or (known.ended_at is None and not known.parked):
        return None
    status = RowStatus.PARKED if known.parked else RowStatus(known.status)
    return RowResult(line=row.line, process_id=row.process_id, status=status, message=known.failed_reason)


def _failed(row: BulkRow, message: str) -> RowResult:
    return RowResult(line=row.line, process_id=row.process_id, status=RowStatus.FAILED, message=message)
