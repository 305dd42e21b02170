"""After PostgreSQL was restored: have Temporal run again what the database has forgotten."""

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import UUID, uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryReverseRequest,
    ResetWorkflowExecutionRequest,
)

from orchestrator.database import processes, relations, subscriptions
from orchestrator.database.connection import Pool, transaction
from orchestrator.database.processes import TrailRow
from orchestrator.domain.process import ProcessStatus, created_subscription_id
from orchestrator.operations.own_temporal import require_own_temporal
from orchestrator.temporal.executions import Execution, find_execution

if TYPE_CHECKING:
    from temporalio.client import Client

FENCES = 1_000_000
"""How much higher the fencing tokens become: more than any subscription was locked since the back-up."""

PATIENCE = timedelta(minutes=1)
"""How long to wait for a process to end or to park before the next one is run again."""

Outcome = Literal["completed", "ended otherwise", "parked", "still runs", "look at it", "comes later"]
"""What became of a process.

What needs a look was aborted or refused, and was not run again. What comes later would be refused now,
because what it is about is out of sync.
"""

_ID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class Forgotten:
    """A process that Temporal knows better than the database."""

    process_id: str
    first_run_id: str
    started_at: datetime
    runs_again: bool
    """Whether its steps can be repeated: it has completed or is open, and nobody has aborted it."""
    about: frozenset[UUID]
    """The ids of its subscription, and of those that its input names."""
    first_task: int | None
    """Event with which its first workflow task ended; `None` if no worker has seen it yet."""


async def raise_fences(client: "Client", pool: Pool) -> None:
    """Raise every fencing token above those that the external systems have seen.

    Raises:
        AnotherTemporal: when the database belongs to another Temporal namespace.
    """
    await require_own_temporal(client, pool)
    async with transaction(pool) as connection:
        await subscriptions.raise_all_fences(connection, FENCES)


async def list_forgotten(
    client: "Client", pool: Pool, since: datetime, *, changing: Collection[str], validating: Collection[str]
) -> list[Forgotten]:
    """Return the processes to which something has happened since this moment, in the order of their start.

    Those that the trail and Temporal agree on are left out.

    Args:
        changing: workflow types of processes that change a subscription.
        validating: those of validations; one that has ended is left out, because it has changed nothing.

    Raises:
        AnotherTemporal: when the database belongs to another Temporal namespace.
        RPCError: when Temporal does not answer.
    """
    await require_own_temporal(client, pool)
    ended = f"{_any_of(changing)} AND CloseTime >= '{since.astimezone(UTC).isoformat()}'"
    query = f"({ended}) OR ({_any_of({*changing, *validating})} AND ExecutionStatus = 'Running')"
    ids = {run.id async for run in client.list_workflows(query)}
    async with pool.acquire() as connection:
        trail = await processes.read_processes(connection, sorted(ids))
    found = []
    for process_id in ids:
        execution = await find_execution(client, process_id)
        if execution is None or _agree(execution, trail.get(process_id)):
            continue
        if execution.closed_as is not None or await _has_moved(client, process_id, since):
            found.append(await _forgotten(client, process_id, execution))
    return sorted(found, key=lambda one: (one.started_at, one.process_id))


async def run_again(client: "Client", pool: Pool, process: Forgotten) -> Outcome:
    """Have Temporal run a process again from its first step, and wait until it has ended or parked.

    Steps that the database still knows answer from the ledger; the others have their effect again, in the
    database and, because calls are idempotent, at most once outside. Somebody else's later run of the same
    process is not disturbed.

    Raises:
        RPCError: when Temporal does not answer, or has forgotten the history.
    """
    if not process.runs_again:
        return "look at it"
    if await _would_be_refused(pool, process):
        return "comes later"
    if process.first_task is not None:  # else it begins by itself
        await client.workflow_service.reset_workflow_execution(_reset(client, process, process.first_task))
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            while (outcome := _outcome(await find_execution(client, process.process_id))) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)  # Temporal has no way to wait for a process that parks
            return outcome
    except TimeoutError:
        return "still runs"


def _any_of(workflows: Collection[str]) -> str:
    return f"WorkflowType IN ({', '.join(repr(one) for one in sorted(workflows))})"


def _agree(execution: Execution, row: TrailRow | None) -> bool:
    """Return whether the trail shows that the process has ended, as Temporal does."""
    recorded = row is not None and row.ended_at is not None and row.status is not ProcessStatus.LOST
    return recorded and execution.closed_as is not None


async def _has_moved(client: "Client", process_id: str, since: datetime) -> bool:
    """Return whether anything has happened to an open process since this moment, as Temporal knows it.

    What is parked all the time is left alone: the database knows all of it.
    """
    newest = await client.workflow_service.get_workflow_execution_history_reverse(
        GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=process_id),
            maximum_page_size=1,
        )
    )
    return newest.history.events[0].event_time.ToDatetime(tzinfo=UTC) >= since


async def _forgotten(client: "Client", process_id: str, execution: Execution) -> Forgotten:
    first = client.get_workflow_handle(process_id, run_id=execution.first_run_id)
    about, first_task = {created_subscription_id(process_id)}, None
    async for event in first.fetch_history_events():
        for payload in event.workflow_execution_started_event_attributes.input.payloads:
            about |= {UUID(one.decode()) for one in _ID.findall(payload.data)}
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            first_task = event.event_id
            break
    undone = execution.is_cancellation_requested or execution.closed_as not in {None, "completed"}
    return Forgotten(
        process_id=process_id,
        first_run_id=execution.first_run_id,
        started_at=(await first.describe()).start_time,
        runs_again=not undone,
        about=frozenset(about),
        first_task=first_task,
    )


async def _would_be_refused(pool: Pool, process: Forgotten) -> bool:
    """Return whether a subscription of this process, or one related to it, is out of sync without it."""
    async with pool.acquire() as connection:
        found = await relations.all_relations(connection, sorted(process.about))
        related = {one for users, groups in found.values() for one in (*users, *groups)}
        stored = await subscriptions.read_subscriptions(connection, sorted(process.about | related))
    kept = [one.subscription for one in stored.values() if not one.subscription.insync]
    return any(one.held_by != process.process_id for one in kept)


def _reset(client: "Client", process: Forgotten, event_id: int) -> ResetWorkflowExecutionRequest:
    return ResetWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=process.process_id, run_id=process.first_run_id),
        reason="the database was restored",
        workflow_task_finish_event_id=event_id,
        request_id=str(uuid4()),
        reset_reapply_exclude_types=[
            ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
            ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
            ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST,
        ],
    )


def _outcome(execution: Execution | None) -> Outcome | None:
    """Return what became of a process, or `None` as long as it works."""
    if execution is None:
        return "ended otherwise"
    if execution.closed_as is not None:
        return "completed" if execution.closed_as == "completed" else "ended otherwise"
    return "parked" if execution.process_status == ProcessStatus.FAILED else None
