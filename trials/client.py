"""The client: starts the processes of the workload, and acts on those that park."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from uuid import UUID

from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.temporal.task_queue import TASK_QUEUE
from trials.inputs import Fields
from trials.journal import Accepted, Journal
from trials.workload import Start, Workload

PARKED = "ProcessStatus = 'failed' AND ExecutionStatus = 'Running'"

PATIENCE = 0.5
"""Seconds before an unanswered call is repeated."""


class ChaosClient:
    """Starts processes, writes each into the journal when Temporal accepts it, and waits for its end."""

    def __init__(self, client: Client, journal: Journal, random: Random) -> None:
        self._client = client
        self._journal = journal
        self._random = random
        self._workload = Workload(random)
        self._running: set[asyncio.Task[None]] = set()
        self.acted: Counter[str] = Counter()
        """Number of aborts and of retries of a parked process."""

    async def start_many(self, processes: int, seconds: float) -> None:
        """Start this number of processes, evenly over this time."""
        for _ in range(processes):
            task = asyncio.create_task(self._run(self._workload.draw()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            await asyncio.sleep(seconds / processes)

    async def run_bulk(self, bulk_id: UUID, rows: Sequence[Accepted]) -> None:
        """Start the run of a bulk; its rows count as accepted."""
        process_id = f"apply_rows-{bulk_id}"
        await self._start("apply_rows", {"bulk_id": str(bulk_id)}, process_id)
        for row in rows:
            self._journal.accept(row)
        self._running.add(task := asyncio.create_task(self._until_completed(process_id)))
        task.add_done_callback(self._running.discard)

    async def _until_completed(self, process_id: str) -> None:
        await self._completes(process_id)

    async def until_all_ended(self) -> None:
        """Wait until every started process has ended."""
        while self._running:
            await asyncio.wait(self._running)

    async def validate_all(self) -> None:
        """Validate every active subscription."""
        for start in self._workload.validations():
            await self._run(start)

    async def act_on_parked(self, *, aborts: float) -> None:
        """Retry or abort parked processes, until this is cancelled.

        Args:
            aborts: share of the parked processes to abort, from 0 to 1; it retries the others.
        """
        # A separate generator: how often it is used depends on timing, and must not change other draws.
        chance = Random(self._random.random())
        while True:
            await asyncio.sleep(chance.uniform(0.5, 2))
            try:
                async for run in self._client.list_workflows(PARKED):
                    async with asyncio.timeout(20):
                        await self._act_on(run.id, abort=chance.random() < aborts)
            except (RPCError, RPCTimeoutOrCancelledError, WorkflowUpdateFailedError, TimeoutError):
                continue  # no answer, or the process has moved on: try again later

    async def abort_one(self) -> str | None:
        """Abort a running process; return its id, or `None` if none was running for ten seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                while True:
                    for process_id in sorted(task.get_name() for task in self._running):
                        if process_id in self._journal and await self._abort(process_id):
                            return process_id
                    await asyncio.sleep(0.01)
        return None

    async def _abort(self, process_id: str) -> bool:
        try:
            await self._client.get_workflow_handle(process_id).cancel(reason="chaos")
        except RPCError:
            return False  # it has ended, or Temporal does not answer
        self.acted["abort"] += 1
        return True

    async def _act_on(self, process_id: str, *, abort: bool) -> None:
        handle = self._client.get_workflow_handle(process_id)
        if abort:
            await self._abort(process_id)
            return
        try:
            await handle.execute_update("adopt", {"by": "chaos"})
            self.acted["adoption of what was there"] += 1
        except WorkflowUpdateFailedError:  # nothing that fits was there
            await handle.execute_update("retry", {"by": "chaos"})
            self.acted["retry of a parked process"] += 1

    async def _run(self, start: Start) -> None:
        process_id = f"{start.workflow}-{UUID(int=self._random.getrandbits(128), version=4)}"
        task = asyncio.current_task()
        assert task is not None
        task.set_name(process_id)
        await self._start(start.workflow, start.fields, process_id)
        self._journal.accept(Accepted(process_id=process_id, workflow=start.workflow, fields=start.fields))
        if await self._completes(process_id):
            self._workload.completed(start, process_id)

    async def _start(self, workflow: str, fields: Fields, process_id: str) -> None:
        while True:
            try:
                await self._client.start_workflow(
                    workflow,
                    fields,
                    id=process_id,
                    task_queue=TASK_QUEUE,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                )
            except WorkflowAlreadyStartedError:
                return  # it was accepted, but the answer was lost
            except RPCError:
                await asyncio.sleep(PATIENCE)
            else:
                return

    async def _completes(self, process_id: str) -> bool:
        while True:
            try:
                await self._client.get_workflow_handle(process_id).result()
            except WorkflowFailureError:
                return False
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return False  # the audit reports it
                await asyncio.sleep(PATIENCE)
            else:
                return True
