"""Aborts and their roll-backs, including roll-backs that fail."""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
)

from orchestrator.database import processes as trail
from orchestrator.database.connection import Connection
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from services.group_management import Group
from tests.processes import CreateHandle, Processes, eventually

SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED


async def test_an_aborted_create_is_rolled_back(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="answer lost"))
    handle = await processes.create_user_group("Made")
    subscription_id = processes.subscription_id(handle)
    await eventually(lambda: groups.find_group(subscription_id))
    await handle.cancel(reason="carol: wrong name")
    await groups.system.clear_faults()
    await processes.until_closed(handle)
    row, subscription = await processes.row(handle), await processes.read(subscription_id)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert row is not None
    assert row.status is ProcessStatus.ABORTED
    assert (subscription.status, subscription.insync) == (Status.TERMINATED, True)
    assert await groups.find_group(subscription_id) is None
    assert ("abort requested", "carol: wrong name") in [
        (event.event, event.reason) for event in await processes.events(handle)
    ]
    assert "carol: wrong name" in await processes.details(handle)


async def test_an_abort_waits_for_a_step_that_ignores_it(
    worker: None, processes: Processes, groups: FakeGroupManagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def heedless(self: FakeGroupManagement, subscription_id: UUID, name: str, *, token: int) -> Group:
        begun.set()
        working = asyncio.ensure_future(slowly(self, subscription_id, name, token))
        while not working.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(working)
        return working.result()

    async def slowly(system: FakeGroupManagement, subscription_id: UUID, name: str, token: int) -> Group:
        await asyncio.sleep(2)
        return await original(system, subscription_id, name, token=token)

    begun = asyncio.Event()
    original = FakeGroupManagement.provision_group
    monkeypatch.setattr(FakeGroupManagement, "provision_group", heedless)
    handle = await processes.create_user_group()
    await begun.wait()
    await handle.cancel()
    await processes.until_closed(handle)
    kinds = [event.event_type for event in (await handle.fetch_history()).events]
    ended = kinds.index(EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
    roll_back = kinds.index(SCHEDULED, kinds.index(SCHEDULED) + 1)
    assert ended < roll_back
    assert await groups.find_group(processes.subscription_id(handle)) is None


async def test_a_reason_with_control_characters_is_cleaned(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", times=1))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    await handle.cancel(reason="a\x00b" + "x" * 5000)
    await processes.until_closed(handle)
    reasons = [event.reason for event in await processes.events(handle) if event.event == "abort requested"]
    assert reasons[0] is not None
    assert reasons[0].startswith("a\ufffdbxxx")
    assert len(reasons[0]) == 1000


async def test_a_roll_back_that_has_lost_its_lock_fails_and_says_so(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject"))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    await handle.cancel()
    await processes.until_parked(handle, times=2)
    await processes.pool.execute(
        "UPDATE subscriptions SET held_by = NULL WHERE subscription_id = $1",
        processes.subscription_id(handle),
    )
    await processes.retry(handle)
    message = await processes.failure(handle)
    row = await processes.row(handle)
    assert "does not hold subscription" in message
    assert row is not None
    assert (row.status, row.failed_reason) == (ProcessStatus.FAILED, message)
    assert row.ended_at is not None


async def test_an_abort_during_an_external_call_is_rolled_back(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    before = await groups.system.count()
    await groups.system.order(Fault(kind="slow", seconds=2, times=1))
    handle = await processes.create_user_group()
    await processes.until_step(handle, "provision_user_group")
    await handle.cancel(reason="carol: wrong name")
    await processes.until_closed(handle)
    subscription = await processes.subscription(handle)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert subscription is not None
    assert subscription.status is Status.TERMINATED
    assert await groups.system.count() == before


async def parked_in_its_roll_back(processes: Processes, groups: FakeGroupManagement) -> CreateHandle:
    await groups.system.order(Fault(kind="reject"))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    await handle.cancel(reason="carol: wrong name")
    await processes.until_parked(handle, times=2)
    return handle


async def test_a_failed_roll_back_parks_until_it_is_retried(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked_in_its_roll_back(processes, groups)
    await groups.system.clear_faults()
    await processes.retry(handle)
    await processes.until_closed(handle)
    subscription = await processes.subscription(handle)
    assert subscription is not None
    assert (subscription.status, subscription.insync) == (Status.TERMINATED, True)


async def test_a_given_up_roll_back_leaves_it_out_of_sync(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked_in_its_roll_back(processes, groups)
    await processes.give_up(handle, by="carol", reason="removed by hand")
    assert "rejects" in await processes.failure(handle)
    row, subscription = await processes.row(handle), await processes.subscription(handle)
    assert row is not None
    assert row.status is ProcessStatus.FAILED
    assert row.ended_at is not None
    assert subscription is not None
    assert subscription.held_by == handle.id


async def test_a_given_up_process_stays_given_up_after_a_reset(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await parked_in_its_roll_back(processes, groups)
    await processes.give_up(handle, by="carol")
    await processes.until_closed(handle)
    await groups.system.clear_faults()
    before = (await processes.row(handle), await processes.subscription(handle))
    await processes.reset(handle)
    latest = processes.latest(handle)
    assert "rejects" in await processes.failure(latest)
    assert (await latest.describe()).status is WorkflowExecutionStatus.FAILED
    after = (await processes.row(handle), await processes.subscription(handle))
    assert after == before


async def test_only_an_aborted_process_can_be_given_up(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject"))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await processes.give_up(handle)
    assert "was not aborted" in str(refused.value.cause)
    await groups.system.clear_faults()
    await processes.retry(handle)
    assert (await handle.result()).status is Status.ACTIVE


async def test_an_abort_during_a_refusal_comes_too_late(
    worker: None,
    client: Client,
    processes: Processes,
    groups: FakeGroupManagement,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The abort repeats the steps of the workflow task, and the reason to refuse is gone by then.
    group_id = await processes.active_group("Before")
    await groups.system.order(Fault(kind="reject", times=1))
    holder = await processes.start("modify_user_group", group_id, group_name="Rejected")
    await processes.until_parked(holder)
    original = trail.set_process_status

    async def abort_and_set(
        connection: Connection, process_id: str, status: ProcessStatus, **more: Any
    ) -> None:
        await original(connection, process_id, status, **more)
        if status is ProcessStatus.REFUSED:
            await client.get_workflow_handle(process_id).cancel(reason="carol: in the same moment")
            await holder.cancel()
            monkeypatch.setattr(trail, "set_process_status", original)

    monkeypatch.setattr(trail, "set_process_status", abort_and_set)
    handle = await processes.start("modify_user_group", group_id, group_name="After")
    await processes.until_closed(handle)
    row, execution = await processes.row(handle), await handle.describe()
    assert row is not None
    assert (row.status, execution.status) == (ProcessStatus.REFUSED, WorkflowExecutionStatus.FAILED)
    assert "already has a running process" in await processes.failure(handle)
