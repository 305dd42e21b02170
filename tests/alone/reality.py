"""The real thing that the model is compared with: database, external systems, and processes in Temporal."""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import UUID

from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from orchestrator.operations.reconcile import reconcile
from orchestrator.operations.set_in_sync import NotFenced, set_in_sync
from services.fake_system import FakeSystem
from tests.alone.model import Kind, Known, Model, Values
from tests.processes import Processes, eventually


class Reality:
    """Waits for what becomes of processes, and compares what is stored with what the model says."""

    def __init__(self, processes: Processes, systems: dict[Kind, FakeSystem]) -> None:
        self.processes = processes
        self.systems = systems

    def handle(self, process_id: str) -> Any:
        return self.processes.client.get_workflow_handle(process_id)

    async def until_settled(self, process_id: str, times: int) -> tuple[str, str | None]:
        """Wait until a process has ended, or has parked so many times; return its status and its error."""
        handle, error = self.handle(process_id), None
        ended = asyncio.ensure_future(handle.result())
        parked = asyncio.ensure_future(self.processes.until_parked(handle, times=times))
        await asyncio.wait({ended, parked}, return_when=asyncio.FIRST_COMPLETED)
        parked.cancel()
        if not ended.done():
            ended.cancel()
            return "parked", None
        if isinstance(failed := ended.exception(), WorkflowFailureError):
            error = failed.cause.type if isinstance(failed.cause, ApplicationError) else None
        row = await self.processes.row(handle)
        assert row is not None
        return row.status, error

    async def until_lost(self, process_id: str) -> bool:
        """Wait until the reconciler has found that the process is lost."""

        async def found() -> bool | None:
            lost = await reconcile(self.processes.client, self.processes.pool)
            return any(row.process_id == process_id for row in lost) or None

        return await eventually(found)

    async def set_in_sync(self, known: Known) -> None:
        """Set a subscription in sync; repeat while its external system does not take the new token."""
        system = self.systems[known.kind]

        async def fence(_: str, subscription_id: UUID, token: int) -> None:
            await system.fence(subscription_id, token=token)

        client, pool, subscription_id = self.processes.client, self.processes.pool, known.subscription_id
        while True:
            with suppress(NotFenced):  # a fault of an earlier event is still active
                await set_in_sync(client, pool, subscription_id, fence=fence, by="dave", reason="looked")
                return

    async def as_outside(self, known: Known, values: Values | None) -> Values | None:
        """Return these values as the external systems know them: with the number of the group."""
        if values is None or known.kind == "group":
            return values
        group = await self.processes.read(UUID(str(values["group"])))
        number = group.block.model_dump()["group_id"]
        return {name: value for name, value in values.items() if name != "group"} | {"group_id": number}

    async def compare(self, model: Model, before: dict[Kind, int]) -> None:
        """Compare everything with the model.

        Args:
            before: the number of records in each external system when the model was empty.
        """
        for known in model.subscriptions.values():
            await self._compare_subscription(known)
        for process_id, status in model.ended.items():
            row = await self.processes.row(self.handle(process_id))
            assert row is not None
            assert (row.status, row.ended_at is not None) == (status, True)
        for kind, system in self.systems.items():
            here = [one for one in model.subscriptions.values() if one.kind == kind and one.outside]
            assert await system.count() - before[kind] == len(here)

    async def _compare_subscription(self, known: Known) -> None:
        found = await self.processes.read(known.subscription_id)
        record = await self.systems[known.kind].look(known.subscription_id)
        relations = await self.processes.pool.fetch(
            "SELECT depends_on FROM subscription_relations WHERE subscription_id = $1", known.subscription_id
        )
        values = {name: found.block.own_values().get(name) for name in known.values if name != "affiliation"}
        assert (found.status, found.version, found.held_by, found.discrepancy_found_by) == (
            known.status,
            known.version,
            known.held_by,
            known.discrepancy_found_by,
        )
        assert found.description == known.description
        assert values == {name: value for name, value in known.values.items() if name != "affiliation"}
        assert {row["depends_on"] for row in relations} == known.depends_on
        assert (record and record.attributes) == await self.as_outside(known, known.outside)
