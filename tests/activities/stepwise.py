"""A create process whose steps a test calls one by one, without Temporal."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import asyncpg
from temporalio.service import RPCError, RPCStatusCode

from activities.subscriptions import SubscriptionActivities
from activities.user_group import UserGroupActivities
from orchestrator.database import processes
from orchestrator.database.connection import Pool
from orchestrator.database.processes import TrailEvent, TrailRow
from orchestrator.domain.process import Course, Event, Process, ProcessStatus, faked_customer_id
from orchestrator.domain.subscription import Status, SubscriptionModel
from orchestrator.process.bookkeeping import Bookkeeping
from orchestrator.process.ledger import Ledger
from orchestrator.process.messages import (
    BeginRollBack,
    CreateSubscription,
    EndProcess,
    InitializeSubscription,
    ProcessEvent,
    RollBackBegun,
    SetStatus,
    StepRun,
)
from products.product_types.user_group import USER_GROUP
from services.group_management import GroupManagement
from tests.examples import MINUTE, new_process

FORWARD = (
    "create_subscription",
    "store_process_subscription",
    "initialize_subscription",
    "provision_user_group",
    "set_status",
    "resync",
)
BACKWARD = ("roll_back: deprovision_user_group", "roll_back: set_status", "roll_back: resync")
"""The steps of the roll-back, by their names in the ledger."""


class Stepwise:
    """Calls the activities of one process; a minute passes before every call."""

    def __init__(self, pool: Pool, groups: GroupManagement, process: Process | None = None) -> None:
        self.process = process or new_process()
        self.now = self.process.started_at
        self.aborted = False
        self.temporal_is_away = False
        self.rows_locked_when_asked = False
        self.pool = pool
        self.groups = groups
        self.ledger = Ledger(pool, self.is_abort_requested)
        self.generic = SubscriptionActivities(self.ledger)
        self.bookkeeping = Bookkeeping(self.ledger, self.request_abort)
        self.user_group = UserGroupActivities(self.ledger, groups)

    @property
    def process_id(self) -> str:
        return self.process.process_id

    @property
    def subscription_id(self) -> UUID:
        return self.process.subscription_id

    async def request_abort(self, process_id: str, first_execution_run_id: str, reason: str) -> None:
        self.aborted = True

    async def is_abort_requested(self, process_id: str) -> bool:
        self.rows_locked_when_asked = await self._is_locked()
        if self.temporal_is_away:
            raise RPCError("Temporal does not answer", RPCStatusCode.DEADLINE_EXCEEDED, b"")
        return self.aborted

    async def _is_locked(self) -> bool:
        """Return whether a transaction holds the trail row of the process."""
        async with self.pool.acquire() as connection, connection.transaction():
            try:
                await connection.execute(
                    "SELECT FROM processes WHERE process_id = $1 FOR UPDATE NOWAIT", self.process_id
                )
            except asyncpg.LockNotAvailableError:
                return True
        return False

    def run(self, step: str) -> StepRun:
        """Return the input of a step that runs now."""
        self.now += MINUTE
        return StepRun(
            process=self.process,
            step=step,
            at=self.now,
            course=Course.BACKWARD if step in BACKWARD else Course.FORWARD,
        )

    async def step(self, name: str) -> SubscriptionModel:
        """Run this step; it may have run before."""
        calls: dict[str, Callable[[], Awaitable[SubscriptionModel]]] = {
            "create_subscription": lambda: self.create_subscription(str(USER_GROUP)),
            "store_process_subscription": lambda: self.generic.store_process_subscription(self.run(name)),
            "initialize_subscription": lambda: self.initialize_subscription(group_name="Network operators"),
            "provision_user_group": lambda: self.user_group.provision_user_group(self.run(name)),
            "set_status": lambda: self.set_status(Status.ACTIVE, name),
            "resync": lambda: self.generic.resync(self.run(name)),
            "roll_back: deprovision_user_group": lambda: self.deprovision_user_group(name),
            "roll_back: set_status": lambda: self.set_status(Status.TERMINATED, name),
            "roll_back: resync": lambda: self.generic.resync(self.run(name)),
        }
        return await calls[name]()

    async def before(self, name: str) -> None:
        """Run every step that precedes this one."""
        for step in FORWARD[: FORWARD.index(name) if name in FORWARD else -1]:
            await self.step(step)
        if name in BACKWARD:
            await self.begin_roll_back()
            for step in BACKWARD[: BACKWARD.index(name)]:
                await self.step(step)

    async def through(self, name: str) -> SubscriptionModel:
        """Run every step up to and including this one."""
        await self.before(name)
        return await self.step(name)

    async def after(self, name: str) -> None:
        """Run every step after this one, to the end of the process."""
        steps = FORWARD if name in FORWARD else BACKWARD
        for step in steps[steps.index(name) + 1 :]:
            await self.step(step)

    async def create_subscription(self, product: str) -> SubscriptionModel:
        customer_id = faked_customer_id(self.process_id)
        run = self.run("create_subscription")
        return await self.generic.create_subscription(
            CreateSubscription(run=run, product=product, customer_id=customer_id)
        )

    async def initialize_subscription(self, **values: str) -> SubscriptionModel:
        run = self.run("initialize_subscription")
        return await self.generic.initialize_subscription(InitializeSubscription(run=run, values={**values}))

    async def set_status(self, status: Status, step: str = "set_status") -> SubscriptionModel:
        return await self.generic.set_status(SetStatus(run=self.run(step), status=status))

    async def deprovision_user_group(self, step: str) -> SubscriptionModel:
        return await self.user_group.deprovision_user_group(self.run(step))

    async def begin_roll_back(self, interrupted: str = "set_status") -> RollBackBegun:
        run = self.run(interrupted).model_copy(update={"course": Course.FORWARD_ONLY})
        return await self.bookkeeping.begin_roll_back(
            BeginRollBack(run=run, last_step=FORWARD[-1], reason="bob: wrong name")
        )

    async def record(self, event: Event, number: int = 1, step: str = "provision_user_group") -> None:
        """Record that the process parked on this step, or was retried there."""
        reason = "rejected" if event == "parked" else "name freed"
        by = None if event == "parked" else "carol"
        await self.bookkeeping.record_event(
            ProcessEvent(run=self.run(step), event=event, number=number, by=by, reason=reason, run_id="run-1")
        )

    async def end(self, status: ProcessStatus, failed_reason: str | None = None) -> None:
        run = self.run("create_subscription")
        await self.bookkeeping.end_process(EndProcess(run=run, status=status, failed_reason=failed_reason))

    async def trail(self) -> TrailRow | None:
        async with self.pool.acquire() as connection:
            return await processes.read_process(connection, self.process_id)

    async def events(self) -> list[TrailEvent]:
        async with self.pool.acquire() as connection:
            return await processes.read_events(connection, self.process_id)

    async def subscription_row(self) -> asyncpg.Record | None:
        """Read the columns of the subscription that the model does not have."""
        return await self.pool.fetchrow(
            "SELECT fence, created_at, held_by FROM subscriptions WHERE subscription_id = $1",
            self.subscription_id,
        )

    async def committed(self) -> dict[str, datetime]:
        """Read the steps that have committed, with their times, in order."""
        rows = await self.pool.fetch(
            "SELECT step, committed_at FROM process_steps WHERE process_id = $1 ORDER BY committed_at",
            self.process_id,
        )
        return {row["step"]: row["committed_at"] for row in rows}

    async def effects(self) -> list[str]:
        """Read everything that the steps have written: subscription, ledger and group, with all columns."""
        rows = await self.pool.fetch(
            """
            SELECT to_jsonb(s)::text FROM subscriptions s WHERE s.subscription_id = $1
            UNION ALL
            SELECT to_jsonb(l)::text FROM process_steps l WHERE l.process_id = $2
            ORDER BY 1
            """,
            self.subscription_id,
            self.process_id,
        )
        return [text for (text,) in rows] + [str(await self.groups.find_group(self.subscription_id))]

    async def footprint(self) -> list[str]:
        """Read everything that the process has written, including its trail."""
        trail = [str(await self.trail()), *map(str, await self.events())]
        return await self.effects() + trail
