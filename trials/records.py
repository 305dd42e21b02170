"""The four records of what happened: the client's journal, Temporal, PostgreSQL, the external systems."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from pydantic import BaseModel, TypeAdapter
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionStatus

from orchestrator.database import process_lists, subscriptions
from orchestrator.database.connection import Connection, Pool
from orchestrator.database.processes import TrailRow
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.temporal.history import step_log
from orchestrator.temporal.reading import chain_history
from services.fake_system import Change, Record
from trials.journal import Accepted
from trials.systems import OutsideSystem

_ALL_SUBSCRIPTIONS = "SELECT subscription_id FROM subscriptions"
_NO_LIMIT = 2**31 - 1
_RESULTS = TypeAdapter(dict[str, str | None])

AT_ONCE = 10
"""Number of histories read at the same time."""

LISTED_WITHIN = 30.0
"""Seconds to wait for Temporal to list every process as ended; the audit then reports the others."""

HARMLESS = frozenset({WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND})
"""Failures that are normal: Temporal repeats a workflow task if an event arrives while it completes."""


class Execution(BaseModel):
    """A process as Temporal knows it."""

    status: WorkflowExecutionStatus
    first_run_ids: set[str]
    """More than one if the process was started twice."""
    retries: int = 0
    """Attempts of steps and workflow tasks beyond the first."""
    interventions: list[str] = []
    """Events that needed an operator: a workflow task that failed in our code, a reset, a termination."""


class Trail(TrailRow):
    """A process as PostgreSQL knows it, with the steps that it committed."""

    first_execution_run_id: str
    before_image: SubscriptionModel | None
    results: dict[str, str | None]
    """The result of each step, as JSON; `None` if clean-up has dropped it."""


@dataclass
class Records:
    """The four records."""

    accepted: Mapping[str, Accepted]
    executions: dict[str, Execution]
    trail: dict[str, Trail]
    subscriptions: dict[UUID, SubscriptionModel]
    depends_on: dict[UUID, set[UUID]]
    outside: dict[str, dict[UUID, Record]]
    """The records of each external system, by the name of the system."""
    changes: dict[str, list[Change]] = field(default_factory=dict)
    """The changes in each external system that keeps them, by the name of the system."""
    folded: dict[UUID, int] = field(default_factory=dict)
    """Number of validations that clean-up has folded, by subscription."""


async def read_records(
    accepted: Iterable[Accepted], client: Client, query: str, pool: Pool, systems: Iterable[OutsideSystem]
) -> Records:
    """Read all four records; call this after all processes have ended.

    Args:
        query: lists the executions in Temporal, e.g. ``TaskQueue = 'subscriptions'``.
    """
    accepted, systems = list(accepted), list(systems)
    await _until_listed(client, query, {process.process_id for process in accepted})
    async with pool.acquire() as connection:
        trail = await _trail(connection)
        everything = [row["subscription_id"] for row in await connection.fetch(_ALL_SUBSCRIPTIONS)]
        stored = await subscriptions.read_subscriptions(connection, everything)
        depends_on = await _depends_on(connection)
        folded = await connection.fetch("SELECT subscription_id, validations FROM validation_summaries")
    return Records(
        accepted={process.process_id: process for process in accepted},
        executions=await _executions(client, query),
        trail=trail,
        subscriptions={one: found.subscription for one, found in stored.items()},
        depends_on=depends_on,
        outside={system.name: await system.records() for system in systems},
        changes={one.name: kept for one in systems if (kept := await one.changes()) is not None},
        folded={row["subscription_id"]: row["validations"] for row in folded},
    )


async def _trail(connection: Connection) -> dict[str, Trail]:
    listed = await process_lists.list_processes(connection, limit=_NO_LIMIT)
    rows = await connection.fetch(
        """
        SELECT process_id, first_execution_run_id, before_image,
               coalesce(
                   (SELECT jsonb_object_agg(s.step, s.result::text)
                    FROM process_steps s
                    WHERE s.process_id = p.process_id),
                   '{}'
               ) AS results
        FROM processes p
        """
    )
    more = {row["process_id"]: dict(row) for row in rows}
    return {row.process_id: _trail_of(row.model_dump() | more[row.process_id]) for row in listed}


def _trail_of(row: dict[str, object]) -> Trail:
    image, results = row.pop("before_image"), _RESULTS.validate_json(str(row.pop("results")))
    before = None if image is None else SubscriptionModel.model_validate_json(str(image))
    return Trail.model_validate(row | {"before_image": before, "results": results})


async def _depends_on(connection: Connection) -> dict[UUID, set[UUID]]:
    rows = await connection.fetch("SELECT subscription_id, depends_on FROM subscription_relations")
    found: dict[UUID, set[UUID]] = {}
    for row in rows:
        found.setdefault(row["subscription_id"], set()).add(row["depends_on"])
    return found


async def _until_listed(client: Client, query: str, expected: set[str]) -> None:
    """Wait until Temporal lists all processes as ended, at most `LISTED_WITHIN`: its list lags behind."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LISTED_WITHIN):
            while True:
                listed = {run.id: run.status async for run in client.list_workflows(query)}
                if expected <= listed.keys() and WorkflowExecutionStatus.RUNNING not in listed.values():
                    return
                await asyncio.sleep(0.5)


async def _executions(client: Client, query: str) -> dict[str, Execution]:
    found: dict[str, Execution] = {}
    # Newest first: the first run listed of a process has its status.
    async for run in client.list_workflows(query):
        assert run.status is not None
        execution = found.setdefault(run.id, Execution(status=run.status, first_run_ids=set()))
        execution.first_run_ids.add(run.raw_info.first_run_id or run.run_id)
    places = asyncio.Semaphore(AT_ONCE)

    async def read(process_id: str, execution: Execution) -> None:
        async with places:
            runs = [run async for run in chain_history(client, process_id)]
        events = [event for run in reversed(runs) for event in run]
        execution.retries = _retries(events)
        execution.interventions = [one for event in events if (one := _intervention(event)) is not None]

    await asyncio.gather(*(read(process_id, execution) for process_id, execution in found.items()))
    return found


def _retries(events: list[HistoryEvent]) -> int:
    late = [event for event in events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT]
    return sum(max((step.attempts or 0) - 1, 0) for step in step_log(events, [])) + len(late)


def _intervention(event: HistoryEvent) -> str | None:
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
        return "terminated"
    if event.event_type != EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
        return None
    failed = event.workflow_task_failed_event_attributes
    if failed.cause in HARMLESS:
        return None
    return f"{WorkflowTaskFailedCause.Name(failed.cause)}: {failed.failure.message}"
