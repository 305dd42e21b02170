"""A create without Temporal: its activities, called one after the other."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

from activities.subscriptions import SubscriptionActivities
from catalogue import definition_of
from orchestrator.database.connection import open_pool
from orchestrator.domain.process import Course, Process
from orchestrator.process.ledger import Ledger
from orchestrator.process.messages import StepRun
from settings import Endpoints
from trials.workload import Start
from worker import open_external_systems


async def never_aborted(process_id: str) -> bool:
    """Return that nobody has requested an abort: Temporal, which knows, is not asked."""
    return False


class SqlOfACreate:
    """Calls the steps of a create as a worker does, without Temporal."""

    def __init__(self, create: Start, activities: dict[str, Callable[[Any], Awaitable[Any]]]) -> None:
        self._create = create
        self._activities = activities
        self.created = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, create: Start, endpoints: Endpoints) -> AsyncIterator[Self]:
        """Connect to PostgreSQL and to the external system."""
        url = endpoints.database_url.get_secret_value()
        async with await open_pool(url) as pool, open_external_systems(endpoints) as systems:
            ledger, entry = Ledger(pool, never_aborted), create.entry
            owners = [
                SubscriptionActivities(ledger),
                entry.activities(ledger, systems[entry.external_system]),
            ]
            activities = [inspect.getmembers(one, inspect.iscoroutinefunction) for one in owners]
            yield cls(create, {name: method for found in activities for name, method in found})

    async def run(self) -> None:
        """Run every step once."""
        definition, form = definition_of(self._create.entry, self._create.target), self._create.form
        process_id = f"sql-{uuid4()}"
        process = Process(
            process_id=process_id,
            first_execution_run_id=str(uuid4()),
            workflow=self._create.workflow,
            target=self._create.target,
            subscription_id=form.subscription(process_id),
            started_at=datetime.now(UTC),
        )
        for step in definition.sequence:
            run = StepRun(process=process, step=step.key, at=datetime.now(UTC), course=Course.FORWARD)
            activity = self._activities[step.activity.__name__]  # type: ignore[attr-defined]
            await activity(step.inputs(run, form))
        self.created += 1
