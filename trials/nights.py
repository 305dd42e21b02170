"""Nights in which every subscription is validated: their rows are made as those of real validations."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from random import Random
from uuid import UUID, uuid4

import asyncpg
from pydantic import BaseModel, JsonValue
from temporalio.client import Client, WorkflowExecutionStatus

from catalogue import definition_of, workflow_type
from orchestrator.database.connection import connect
from orchestrator.domain.process import Target, created_subscription_id
from orchestrator.operations.clean_up import CleanedUp, CleanUp, CleanUpForm
from trials.journal import Accepted, Journal
from trials.records import Execution, Records
from trials.workload import simplest_create

AT_ONCE = 10
"""Processes that run at the same time while subscriptions are made."""
VACUUM_EVERY = 7
"""Nights. In a real year autovacuum comes about as often: when a fifth of the rows is dead."""
MADE = "made"
"""The run id of validations whose rows were made."""

COPY = (
    """
    CREATE TEMPORARY TABLE real_processes AS
    SELECT process_id, workflow, target, subscription_id, status, created_by, reason, started_at, ended_at,
           last_step, failed_reason, before_image
    FROM processes
    WHERE target = 'VALIDATE'
    """,
    """
    CREATE TEMPORARY TABLE real_steps AS
    SELECT s.process_id, s.step, s.result, s.committed_at
    FROM process_steps s
    JOIN real_processes USING (process_id)
    """,
)
PROCESSES = """
    INSERT INTO processes (
        process_id, first_execution_run_id, workflow, target, subscription_id, status, created_by, reason,
        started_at, ended_at, last_step, failed_reason, before_image
    )
    SELECT format('%s-%s', workflow, md5(format('%s %s', $1::integer, process_id))::uuid), 'made', workflow,
           target, subscription_id, status, created_by, reason, started_at - $2::interval,
           ended_at - $2::interval, last_step, failed_reason, before_image
    FROM real_processes
"""
STEPS = """
    INSERT INTO process_steps (process_id, step, result, committed_at)
    SELECT format('%s-%s', p.workflow, md5(format('%s %s', $1::integer, p.process_id))::uuid), s.step,
           s.result, s.committed_at - $2::interval
    FROM real_steps s
    JOIN real_processes p USING (process_id)
"""
SIZES = """
    SELECT sum(pg_total_relation_size(c.oid)) FILTER (WHERE c.relname = 'processes') AS processes,
           sum(pg_total_relation_size(c.oid)) FILTER (WHERE c.relname = 'process_steps') AS process_steps,
           sum(pg_total_relation_size(c.oid)) FILTER (WHERE c.relname = 'validation_summaries') AS summaries,
           (SELECT count(*) FROM processes) AS rows
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace
"""


class Sizes(BaseModel):
    """Bytes of the tables with their indexes, and rows of the trail."""

    night: int
    processes: int
    process_steps: int
    summaries: int
    rows: int

    @property
    def total(self) -> int:
        """Bytes of the three tables."""
        return self.processes + self.process_steps + self.summaries


class Nights:
    """Subscriptions that are validated each night, each with one real validation."""

    def __init__(self, client: Client, task_queue: str, journal: Journal) -> None:
        self._client = client
        self._task_queue = task_queue
        self._journal = journal
        self._validations: dict[str, Accepted] = {}
        self._made: dict[str, Accepted] = {}

    async def settle(self, subscriptions: int) -> None:
        """Create the subscriptions, and validate each of them once."""
        create = simplest_create(Random(0))
        validate = workflow_type(definition_of(create.entry, Target.VALIDATE))
        places = asyncio.Semaphore(AT_ONCE)

        async def live() -> None:
            async with places:
                created = await self._run(create.workflow, create.fields)
                about = {"subscription_id": str(created_subscription_id(created.process_id))}
                validated = await self._run(validate, about)
                self._validations[validated.process_id] = validated

        await asyncio.gather(*(live() for _ in range(subscriptions)))

    async def _run(self, workflow: str, fields: Mapping[str, JsonValue]) -> Accepted:
        process_id = f"{workflow}-{uuid4()}"
        accepted = Accepted(process_id=process_id, workflow=workflow, fields=dict(fields))
        await self._client.execute_workflow(workflow, fields, id=process_id, task_queue=self._task_queue)
        self._journal.accept(accepted)
        return accepted

    async def run(
        self, database_url: str, nights: int, *, keep: int, each: Callable[[Sizes], Awaitable[None]]
    ) -> None:
        """Make the validations of each night, and clean up after each; the last night is today.

        Args:
            database_url: URL of a superuser.
            keep: days that what has ended is kept.
            each: is told the sizes after each night.
        """
        connection = await connect(database_url)
        try:
            for statement in COPY:
                await connection.execute(statement)
            for night in range(1, nights + 1):
                await self._validate(connection, night, days_ago=nights - night)
                # By the clock of that night: what is older than `keep` days then.
                await self._clean_up(keep + nights - night)
                if night % VACUUM_EVERY == 0:
                    await connection.execute("VACUUM processes, process_steps, validation_summaries")
                await each(await _sizes(connection, night))
        finally:
            await connection.close()

    async def _validate(
        self, connection: "asyncpg.Connection[asyncpg.Record]", night: int, *, days_ago: int
    ) -> None:
        earlier = timedelta(days=days_ago, hours=1)
        async with connection.transaction():
            await connection.execute(PROCESSES, night, earlier)
            await connection.execute(STEPS, night, earlier)
        for process_id, accepted in self._validations.items():
            digest = hashlib.md5(f"{night} {process_id}".encode(), usedforsecurity=False).hexdigest()
            self._made[f"{accepted.workflow}-{UUID(digest)}"] = accepted

    async def _clean_up(self, days: int) -> CleanedUp:
        return await self._client.execute_workflow(
            CleanUp.run, CleanUpForm(days=days), id=f"clean_up-{uuid4()}", task_queue=self._task_queue
        )

    def complete(self, records: Records) -> None:
        """Add what a client and Temporal would know of the validations whose rows were made."""
        records.accepted = dict(records.accepted) | self._made
        known = Execution(status=WorkflowExecutionStatus.COMPLETED, first_run_ids={MADE})
        records.executions |= dict.fromkeys(self._made, known)


async def _sizes(connection: "asyncpg.Connection[asyncpg.Record]", night: int) -> Sizes:
    row = await connection.fetchrow(SIZES)
    assert row is not None
    return Sizes(night=night, **{name: int(value) for name, value in dict(row).items()})


def query(task_queue: str) -> str:
    """Return the query that lists the processes in Temporal, without clean-up."""
    return f"TaskQueue = '{task_queue}' AND WorkflowType != 'clean_up'"
