"""The target of the inputs: subscriptions, the command line, and all rows that are written."""

import asyncio
import re
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from asyncpg import DeadlockDetectedError
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from orchestrator.database.connection import Pool
from orchestrator.temporal.task_queue import TASK_QUEUE
from services.fake_system import FakeSystem
from settings import EXTERNAL_SYSTEMS
from tests.fuzz import nasty
from tests.processes import Processes

T = TypeVar("T")
Rows = dict[str, dict[str, str]]

RECORDS = tuple(f"{name}.records" for name in EXTERNAL_SYSTEMS)
"""What the external systems write."""
TABLES = {
    "subscriptions": "subscription_id::text",
    "subscription_relations": "subscription_id || ' ' || depends_on",
    "processes": "process_id",
    "process_steps": "process_id || ' ' || step",
    "process_events": "process_id || ' ' || event || ' ' || number",
    "subscription_notes": "subscription_id || ' ' || number",
    "validation_findings": "process_id || ' ' || subscription_id",
    "validation_summaries": "subscription_id::text",
    "bulks": "bulk_id::text",
    "bulk_rows": "bulk_id || ' ' || line",
    **dict.fromkeys(RECORDS, "subscription_id::text"),
}
"""All tables, each with the columns that identify a row."""

CAME_TOO_LATE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND

MOST = 15
"""Subscriptions before they are deleted: some inputs validate all of them."""

TURNS_DIRECTION = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
ACTS = re.compile(TURNS_DIRECTION.pattern + r"|[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
"""Characters that a terminal acts on instead of showing."""

NOISE = re.compile(r"Traceback|pydantic\.dev|errors\.pydantic|input_value=|<class '|object at 0x")
"""Text that only programmers understand."""


@dataclass
class Stage:
    """Subscriptions that inputs name; recreated if an input has terminated them."""

    client: Client
    pool: Pool
    systems: list[FakeSystem]

    def __post_init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.processes = Processes(self.client, TASK_QUEUE, self.pool)
        self.named: dict[str, str] = {}

    def run(self, work: Coroutine[Any, Any, T], seconds: float = 120) -> T:
        """Run the coroutine in the event loop of the worker, from the thread of hypothesis."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    async def set(self) -> None:
        """Create what an input may name, if it is missing."""
        usable = await self.pool.fetchval(
            """
            SELECT count(*)
            FROM subscriptions
            WHERE insync AND status = 'active' AND subscription_id = ANY ($1)
            """,
            [self.named.get(nasty.A_GROUP), self.named.get(nasty.A_USER)],
        )
        if usable < 2 or await self.pool.fetchval("SELECT count(*) FROM subscriptions") > MOST:
            await self.sweep()
            group = await self.processes.active_group("there")
            user = await self.processes.active_user(group, "there")
            ended = await self.processes.active_group("ended")
            await (await self.processes.start("terminate_user_group", ended)).result()
            names = (nasty.A_GROUP, nasty.A_USER, nasty.AN_ENDED_GROUP)
            self.named = dict(zip(names, map(str, (group, user, ended)), strict=True))
            rows = await self.pool.fetchval("SELECT min(process_id) FROM processes")
            self.named[nasty.A_PROCESS] = rows

    async def sweep(self) -> None:
        """Delete all rows."""
        while True:
            with suppress(DeadlockDetectedError):  # with a process that an input has started
                await self.pool.execute(f"TRUNCATE {', '.join(TABLES)}")
                return

    async def end_scheduled(self) -> None:
        """Terminate what inputs have scheduled."""
        query = "ProcessStatus = 'scheduled' AND ExecutionStatus = 'Running'"
        async for one in self.client.list_workflows(query):
            await self.client.get_workflow_handle(one.id).terminate("the test is over")

    def fill_in(self, text: str) -> str:
        """Replace the placeholders by existing subscriptions."""
        for stands, subscription_id in self.named.items():
            text = text.replace(stands, subscription_id)
        return text

    def fill_in_payloads(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Replace the placeholders by existing subscriptions."""
        filled = []
        for payload in payloads:
            data = payload.data
            for stands, subscription_id in self.named.items():
                data = data.replace(stands.encode(), subscription_id.encode())
            filled.append(Payload(metadata=payload.metadata, data=data))
        return filled

    async def written(self) -> Rows:
        """Return all current rows."""
        return {
            table: {
                row["name"]: row["content"]
                for row in await self.pool.fetch(f"SELECT {name} AS name, t::text AS content FROM {table} t")
            }
            for table, name in TABLES.items()
        }


def changed(before: Rows, after: Rows) -> Rows:
    """Return the rows that are new, changed, or gone (as an empty text)."""
    return {
        table: {
            name: after[table].get(name, "")
            for name in before[table].keys() | after[table].keys()
            if before[table].get(name) != after[table].get(name)
        }
        for table in before
    }


async def require_no_failed_task(stage: Stage, process_id: str) -> None:
    """Assert that no workflow task has failed: Temporal would retry it for ever.

    A task that was only outdated is repeated once, and does not count.
    """
    history = await stage.client.get_workflow_handle(process_id).fetch_history()
    failed = [
        event.workflow_task_failed_event_attributes.failure.message
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
        and event.workflow_task_failed_event_attributes.cause != CAME_TOO_LATE
    ]
    assert not failed, (failed[-1], process_id)


def require_readable(refusal: BaseException | None) -> str | None:
    """Assert that the refusal of a process is readable; return its type."""
    assert isinstance(refusal, ApplicationError)
    require_one_line(TURNS_DIRECTION.sub("", refusal.message))  # of a description that it quotes
    return refusal.type


def require_one_line(message: str) -> None:
    """Assert that a refusal is readable: one line, not too long, no programming terms."""
    assert message.strip()
    assert len(message) <= 3000, message[:3000]
    assert len(message.splitlines()) == 1, message
    assert not ACTS.search(message), ascii(message)
    assert not NOISE.search(message), message
