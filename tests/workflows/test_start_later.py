"""A process that is scheduled starts when it is due, once, and not if it was canceled."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from orchestrator.database import subscriptions
from orchestrator.database.connection import Connection
from orchestrator.database.process_lists import list_processes
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from orchestrator.temporal import search_attributes
from settings import Endpoints
from tests.processes import Handle, Processes, eventually
from worker import open_worker

YEAR = timedelta(days=365)


async def start_later(
    processes: Processes, subscription_id: UUID, after: timedelta = YEAR, **fields: Any
) -> Handle:
    """Schedule a terminate of a user group; its virtual clock skips time."""
    return await processes.client.start_workflow(
        "start_later",
        {
            "workflow": "terminate_user_group",
            "input": {"subscription_id": str(subscription_id)},
            "at": (datetime.now(UTC) + after).isoformat(),
            **fields,
        },
        id=f"later-{uuid4()}",
        task_queue=processes.task_queue,
    )


async def status_of(handle: Handle) -> str | None:
    return (await handle.describe()).typed_search_attributes.get(search_attributes.PROCESS_STATUS)


async def until_scheduled(handle: Handle) -> None:
    async def scheduled() -> bool | None:
        return await status_of(handle) == ProcessStatus.SCHEDULED or None

    await eventually(scheduled)


async def refusal(processes: Processes, handle: Handle, **note: Any) -> ApplicationError:
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("move", note)
    assert isinstance(refused.value.cause, ApplicationError)
    return refused.value.cause


async def test_a_terminate_in_a_year_starts_in_a_year(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group()
    now = datetime.now(UTC)
    handle = await start_later(processes, group_id, by="alice", reason="the contract ends")
    started = processes.client.get_workflow_handle(await handle.result())
    await started.result()
    row = await processes.row(started)
    ended = await processes.read(group_id)
    assert row is not None
    assert row.started_at - now >= YEAR
    assert (row.created_by, row.reason) == ("alice", "the contract ends")
    assert (ended.status, ended.end_date and ended.end_date - now >= YEAR) == (Status.TERMINATED, True)
    assert f"It has started `{started.id}`" in await processes.details(handle)
    assert await status_of(handle) == "completed"
    assert (await started.describe()).typed_search_attributes[search_attributes.PRODUCT] == "User Group"


@pytest.fixture
async def later(worker: None, processes: Processes, temporal: WorkflowEnvironment) -> tuple[Handle, UUID]:
    """A scheduled terminate that does not skip time, and its subscription."""
    group_id = await processes.active_group()
    with temporal.with_time_skipping_disabled():
        handle = await start_later(processes, group_id, by="alice")
    await until_scheduled(handle)
    return handle, group_id


async def processes_on(processes: Processes, group_id: UUID) -> list[tuple[str, ProcessStatus]]:
    """Return the workflows and statuses of the processes on a subscription, oldest first."""
    async with processes.pool.acquire() as connection:
        rows = await list_processes(connection, subscription_id=group_id)
    return [(row.workflow, row.status) for row in reversed(rows)]


CREATED = ("create_user_group", ProcessStatus.COMPLETED)
TERMINATED = ("terminate_user_group", ProcessStatus.COMPLETED)


async def test_what_was_canceled_is_not_started(later: tuple[Handle, UUID], processes: Processes) -> None:
    handle, group_id = later
    await handle.cancel(reason="carol: they stay")
    await processes.until_closed(handle)
    assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED
    assert await status_of(handle) == "aborted"
    assert "nothing is started.\n\n> carol: they stay" in await processes.details(handle)
    assert await processes_on(processes, group_id) == [CREATED]


async def test_it_starts_when_it_was_moved_to(later: tuple[Handle, UUID], processes: Processes) -> None:
    handle, group_id = later
    year_after, soon = datetime.now(UTC) + 2 * YEAR, datetime.now(UTC) + timedelta(seconds=2)
    await handle.execute_update("move", {"at": year_after.isoformat(), "by": "bob", "reason": "extended"})
    page, memo = await processes.details(handle), await (await handle.describe()).memo()
    answer = await handle.execute_update("move", {"at": soon.isoformat()})
    started = processes.client.get_workflow_handle(await handle.result())
    await started.result()
    row = await processes.row(started)
    assert "> Moved by bob: extended" in page
    assert f"at **{year_after:%Y-%m-%d %H:%M:%S} UTC**" in page
    assert datetime.fromisoformat(memo["scheduled"]["at"]) == year_after
    assert answer == f"Starts at {soon:%Y-%m-%d %H:%M:%S} UTC"
    assert row is not None
    assert timedelta() <= row.started_at - soon < YEAR
    assert row.created_by == "alice"
    assert await processes_on(processes, group_id) == [CREATED, TERMINATED]


@pytest.mark.parametrize(
    ("note", "message"),
    [
        ({"at": "2020-01-01"}, "2020-01-01 00:00:00 UTC has passed (now: "),
        ({"at": "2999-01-01"}, "2999-01-01 00:00:00 UTC is more than 10 years ahead; give an earlier time"),
        ({"by": "alice"}, "Invalid MoveForm: at is missing; give it"),
        ({"at": "tomorrow"}, "Invalid MoveForm: at input should be a valid datetime or date"),
        ({"at": 2027}, "Invalid MoveForm: at must be a date or a time such as 2027-01-01T08:00:00Z"),
        ({"at": "2027-01-01", "when": 1}, "Invalid MoveForm: when is not a field of this form; remove it"),
    ],
)
async def test_a_wrong_move_is_refused(
    later: tuple[Handle, UUID], processes: Processes, note: dict[str, Any], message: str
) -> None:
    handle, _ = later
    before = await (await handle.describe()).memo()
    refused = await refusal(processes, handle, **note)
    assert refused.message.startswith(message)
    assert refused.type == "InvalidInput"
    assert await (await handle.describe()).memo() == before
    await handle.cancel()


async def test_what_is_due_can_be_neither_moved_nor_canceled(
    later: tuple[Handle, UUID], processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL is away when it is due: it waits for that, and starts."""
    handle, group_id = later
    asked, back = asyncio.Event(), asyncio.Event()
    read = subscriptions.read_subscription

    async def read_later(connection: Connection, subscription_id: UUID) -> Any:
        asked.set()
        if not back.is_set():
            raise ConnectionRefusedError("PostgreSQL is away")
        return await read(connection, subscription_id)

    monkeypatch.setattr("orchestrator.database.subscriptions.read_subscription", read_later)
    soon = datetime.now(UTC) + timedelta(seconds=1)
    await handle.execute_update("move", {"at": soon.isoformat()})
    await asked.wait()
    refused = await refusal(processes, handle, at=(soon + YEAR).isoformat())
    await handle.cancel()
    back.set()
    started = processes.client.get_workflow_handle(await handle.result())
    await started.result()
    assert (refused.type, refused.message) == ("NotScheduled", "It is due: it can no longer be moved")
    assert await status_of(handle) == "completed"
    assert await processes_on(processes, group_id) == [CREATED, TERMINATED]


async def test_the_gate_judges_when_it_is_due(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group()
    await processes.active_user(group_id)
    handle = await start_later(processes, group_id)
    started = processes.client.get_workflow_handle(await handle.result())
    assert "it is used in other subscriptions" in await processes.failure(started)
    refused = ("terminate_user_group", ProcessStatus.REFUSED)
    assert (await processes_on(processes, group_id))[-1] == refused


async def test_a_used_process_id_starts_nothing(worker: None, processes: Processes) -> None:
    created = await processes.create_user_group()
    group_id = (await created.result()).subscription_id
    handle = await start_later(processes, group_id, process_id=created.id)
    assert f'Process "{created.id}" already exists' in await processes.failure(handle)
    assert "Nothing was started" in await processes.details(handle)
    assert await status_of(handle) == "failed"
    assert await processes_on(processes, group_id) == [CREATED]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no workflow": ({"workflow": None}, "Invalid StartLaterForm: workflow must be text (got None)"),
    "mistyped workflow": (
        {"workflow": "terminate_user_gruop"},
        "There is no workflow type 'terminate_user_gruop'; give one of create_",
    ),
    "another workflow": ({"workflow": "start_later"}, "There is no workflow type 'start_later'; give one of"),
    "another product": ({"workflow": "terminate_user"}, "This workflow is not valid for this subscription"),
    "no subscription": (
        {"input": {"subscription_id": str(UUID(int=7))}},
        f"Subscription not found (subscription {UUID(int=7)})",
    ),
    "wrong input": (
        {"input": {"subscription": "x"}},
        "Invalid TerminateUserGroupForm: subscription_id is missing; give it; subscription is not a field",
    ),
    "input is text": ({"input": "x"}, "Invalid StartLaterForm: input must be one JSON object (got 'x')"),
    "in the past": ({"at": "2020-01-01T00:00:00Z"}, "2020-01-01 00:00:00 UTC has passed (now: "),
    "too far": ({"at": "9999-12-31"}, "9999-12-31 00:00:00 UTC is more than 10 years ahead"),
    "before all times": ({"at": "0001-01-01T00:00:00+14:00"}, "Invalid StartLaterForm: at is too far away"),
    "no time": ({"at": "soon"}, "Invalid StartLaterForm: at input should be a valid datetime or date"),
    "long process id": ({"process_id": "x" * 201}, "Invalid StartLaterForm: process_id string should have"),
}


@pytest.mark.parametrize(("fields", "message"), WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_input_is_refused_at_once(
    worker: None, processes: Processes, fields: dict[str, Any], message: str
) -> None:
    group_id = await processes.active_group()
    handle = await start_later(processes, group_id, **fields)
    told = await processes.failure(handle)
    assert told.startswith(message)
    assert "\n" not in told
    assert await processes_on(processes, group_id) == [CREATED]


async def test_a_cancel_counts_even_if_it_is_moved_meanwhile(
    client: Client, endpoints: Endpoints, processes: Processes, temporal: WorkflowEnvironment
) -> None:
    """Both arrive while no worker runs, so the next one gets them in one task."""
    async with open_worker(client, endpoints, task_queue=processes.task_queue) as worker, worker:
        group_id = await processes.active_group()
        with temporal.with_time_skipping_disabled():
            handle = await start_later(processes, group_id)
        await until_scheduled(handle)
    year_after = (datetime.now(UTC) + 2 * YEAR).isoformat()
    moving = asyncio.create_task(handle.execute_update("move", {"at": year_after}))
    await handle.cancel(reason="carol: they stay")
    async with open_worker(client, endpoints, task_queue=processes.task_queue) as worker, worker:
        async with asyncio.timeout(30):
            await processes.until_closed(handle)
        assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED
        assert await processes_on(processes, group_id) == [CREATED]
    await asyncio.gather(moving, return_exceptions=True)
