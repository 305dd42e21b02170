"""Processes without Temporal: their activities, called one after the other."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID, uuid4

from activities.subscriptions import SubscriptionActivities
from catalogue import CatalogueEntry, definition_of
from external_systems import open_external_systems
from orchestrator.database.connection import open_pool
from orchestrator.domain.process import Course, Process
from orchestrator.process.ledger import Ledger
from orchestrator.process.messages import StepRun
from settings import Endpoints
from trials.workload import Start


async def never_aborted(process_id: str) -> bool:
    """Return that nobody has requested an abort: Temporal, which knows, is not asked."""
    return False


class SqlOfProcesses:
    """Calls the steps of processes on a product as a worker does, without Temporal."""

    def __init__(self, activities: dict[str, Callable[[Any], Awaitable[Any]]]) -> None:
        self._activities = activities
        self.completed = 0
        """Number of processes that have been completed."""

    @classmethod
    @asynccontextmanager
    async def open(cls, entry: CatalogueEntry, endpoints: Endpoints) -> AsyncIterator[Self]:
        """Connect to PostgreSQL and to the external system of the product."""
        url = endpoints.database_url.get_secret_value()
        async with await open_pool(url) as pool, open_external_systems(endpoints) as systems:
            ledger = Ledger(pool, never_aborted)
            owners = [
                SubscriptionActivities(ledger),
                entry.activities(ledger, systems[entry.external_system]),
            ]
            activities = [inspect.getmembers(one, inspect.iscoroutinefunction) for one in owners]
            yield cls({name: method for found in activities for name, method in found})

    async def run(self, start: Start) -> UUID:
        """Run every step of a process once; return the id of its subscription."""
        definition, form = definition_of(start.entry, start.target), start.form
        process_id = f"sql-{uuid4()}"
        process = Process(
            process_id=process_id,
            first_execution_run_id=str(uuid4()),
            workflow=start.workflow,
            target=start.target,
            subscription_id=form.subscription(process_id),
            started_at=datetime.now(UTC),
        )
        for step in definition.sequence:
            run = StepRun(process=process, step=step.key, at=datetime.now(UTC), course=Course.FORWARD)
            activity = self._activities[step.activity.__name__]  # type: ignore[attr-defined]
            await activity(step.inputs(run, form))
        self.completed += 1
        return process.subscription_id
