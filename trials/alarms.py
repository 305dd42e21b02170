"""The alerts of a chaos run: which ones fire by its faults, and the provocation of others after it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

from temporalio.client import Client, WorkflowFailureError

from orchestrator.database.connection import Pool
from orchestrator.operations.reconcile import reconcile
from orchestrator.temporal.task_queue import TASK_QUEUE
from services.fake_faults import Fault
from services.fake_system import FakeSystem
from trials.arena import Arena, addresses_now
from trials.prometheus import Prometheus, open_prometheus

FACTOR = 300
"""What the times of the rules are divided by in a run: 5 minutes become 1 second."""

PATIENCE = 60.0
"""Seconds within which a provoked alert must fire."""

SYSTEM = "group_management"


@asynccontextmanager
async def open_alarms(arena: Arena) -> AsyncIterator[Prometheus]:
    """Run a Prometheus that scrapes the workers of an arena, whichever run now."""
    async with open_prometheus(arena.directory / "prometheus", factor=FACTOR) as prometheus:
        following = asyncio.create_task(_follow(arena, prometheus))
        yield prometheus
        following.cancel()


async def _follow(arena: Arena, prometheus: Prometheus) -> None:
    while True:
        with suppress(ConnectionRefusedError):
            prometheus.scrape(list(addresses_now(arena.directory).metrics.values()))
        await asyncio.sleep(1)


class Provocations:
    """Brings about the states that our alerts are for, one after the other, on a stack that is calm."""

    def __init__(
        self, client: Client, pool: Pool, systems: Sequence[FakeSystem], prometheus: Prometheus
    ) -> None:
        self._client = client
        self._pool = pool
        self._system = next(system for system in systems if system.name == SYSTEM)
        self._prometheus = prometheus

    async def provoke_all(self, say: Callable[[str], None]) -> list[str]:
        """Provoke the alerts that have not fired yet; return those that do not fire even so."""
        silent = []
        for alert, provoke in self._provocations().items():
            if alert in await self._prometheus.fired():
                continue
            say(f"provoking {alert}")
            await provoke()
            if not await self._fires(alert):
                silent.append(alert)
            await self._system.clear_faults()
        return silent

    def _provocations(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "ProcessesParked": self._park,
            "ProcessWaitsTooLong": self._wait,
            "ExternalSystemFails": self._wait,
            "ProcessesLost": self._lose,
            "SubscriptionsOutOfSync": self._differ,
            "SchemaTooOld": lambda: self._set_version("0001"),
            "SchemaTooNew": lambda: self._set_version("9999"),
        }

    async def _fires(self, alert: str) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while alert not in await self._prometheus.fired():  # noqa: ASYNC110  # another program
                    await asyncio.sleep(0.5)
                return True
        return False

    async def _create(self, fault: Fault | None) -> str:
        if fault is not None:
            await self._system.order(fault)
        process_id = f"alarm-{uuid4()}"
        await self._client.start_workflow(
            "create_user_group", {"group_name": process_id}, id=process_id, task_queue=TASK_QUEUE
        )
        return process_id

    async def _park(self) -> None:
        await self._create(Fault(kind="reject", times=1))

    async def _wait(self) -> None:
        await self._create(Fault(kind="unreachable"))

    async def _lose(self) -> None:
        process_id = await self._create(Fault(kind="unreachable"))
        await self._until_held(process_id)
        await self._client.get_workflow_handle(process_id).terminate("provokes an alert")
        await reconcile(self._client, self._pool)

    async def _differ(self) -> None:
        process_id = await self._create(None)
        made = await self._client.get_workflow_handle(process_id).result()
        subscription_id = UUID(made["subscription_id"])
        await self._system.tamper(subscription_id, {"group_name": "another"})
        with suppress(WorkflowFailureError):
            await self._client.execute_workflow(
                "validate_user_group",
                {"subscription_id": str(subscription_id)},
                id=f"alarm-{uuid4()}",
                task_queue=TASK_QUEUE,
            )

    async def _until_held(self, process_id: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await self._is_held(process_id):  # noqa: ASYNC110  # another program
                await asyncio.sleep(0.2)

    async def _is_held(self, process_id: str) -> bool:
        row = await self._pool.fetchrow("SELECT FROM subscriptions WHERE held_by = $1", process_id)
        return row is not None

    async def _set_version(self, version: str) -> None:
        """Write another version into the database; nobody uses the stack after this."""
        await self._pool.execute("UPDATE alembic_version SET version_num = $1", version)
