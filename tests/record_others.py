"""Record what belongs to no single subscription, such as the validation of all: `make record`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio.testing import WorkflowEnvironment

from orchestrator.database import findings, subscriptions
from orchestrator.database.connection import Connection
from orchestrator.operations.validate_subscriptions import ValidateSubscriptions, ValidateSubscriptionsForm
from orchestrator.process.forms import OperatorNote, RetryNote
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import Handle, Processes, eventually, until_struck
from tests.recorded import save

ListFew = Callable[..., None]


@pytest.fixture
async def list_few(worker: None, processes: Processes, monkeypatch: pytest.MonkeyPatch) -> ListFew:
    """Limit the list to `number` subscriptions; its first calls fail as often as `failures` says."""
    list_active = findings.list_active
    for _ in range(3):
        await processes.active_group()

    def limit(*, failures: int = 0, number: int = 2) -> None:
        failing = iter(range(failures))

        async def fail_or_list(*arguments: Any, **named: Any) -> Any:
            if next(failing, None) is not None:
                raise ConnectionRefusedError("PostgreSQL is away")
            return await list_active(*arguments, **named | {"limit": number})

        monkeypatch.setattr(findings, "list_active", fail_or_list)

    return limit


async def test_record_validation_of_all(processes: Processes, list_few: ListFew) -> None:
    list_few()
    handle = await validate_all(processes)
    await handle.result()
    await save(handle, "validate_subscriptions.done")


async def test_record_validation_of_all_in_which_one_waits(processes: Processes, list_few: ListFew) -> None:
    list_few(number=3)  # one more than run at once
    handle = await validate_all(processes)
    await handle.result()
    await save(handle, "validate_subscriptions.waiting")


async def test_record_validation_of_all_while_postgresql_is_away(
    processes: Processes, list_few: ListFew
) -> None:
    list_few(failures=2)  # as many as there are local attempts
    handle = await validate_all(processes)
    await handle.result()
    await save(handle, "validate_subscriptions.database_outage")


async def test_record_validation_of_all_page_by_page(
    processes: Processes, list_few: ListFew, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_few()
    monkeypatch.setattr("orchestrator.operations.validation_activities.PAGE", 2)
    first = await validate_all(processes)
    handle = await eventually(lambda: processes.next_run(first))
    await eventually(lambda: has_begun(handle))
    await handle.cancel()  # many pages may follow
    await save(
        processes.client.get_workflow_handle(first.id, run_id=first.first_execution_run_id),
        "validate_subscriptions.continued",
    )


async def test_record_validation_of_all_with_findings(
    processes: Processes, list_few: ListFew, groups: FakeGroupManagement
) -> None:
    list_few()
    for subscription in await subscriptions_of(processes):
        await groups.system.tamper(subscription, None)
    handle = await validate_all(processes)
    await handle.result()
    await save(handle, "validate_subscriptions.findings")


async def test_record_aborted_validation_of_all(
    processes: Processes, list_few: ListFew, groups: FakeGroupManagement
) -> None:
    list_few()
    await groups.system.order(Fault(kind="slow", seconds=1))
    handle = await validate_all(processes)
    await eventually(lambda: has_begun(handle))
    await handle.cancel(reason="carol: not now")
    await processes.until_closed(handle)
    await save(handle, "validate_subscriptions.aborted")


async def test_record_set_in_sync(processes: Processes, worker: None) -> None:
    group_id = await processes.active_group()
    handle = await start(processes, "set_in_sync", subscription_id=str(group_id), reason="was repaired")
    await handle.result()
    await save(handle, "set_in_sync.done")


async def test_record_refused_set_in_sync(processes: Processes, worker: None) -> None:
    handle = await start(processes, "set_in_sync", subscription_id=str(uuid4()), reason="was repaired")
    await processes.until_closed(handle)
    await save(handle, "set_in_sync.refused")


async def test_record_reconcile(processes: Processes, worker: None) -> None:
    handle = await start(processes, "reconcile")
    await handle.result()
    await save(handle, "reconcile.done")


async def test_record_clean_up(processes: Processes, worker: None) -> None:
    handle = await start(processes, "clean_up", by="alice", reason="disk is full")
    await handle.result()
    await save(handle, "clean_up.done")


async def test_record_clean_up_page_by_page(
    processes: Processes, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await processes.active_group()
    monkeypatch.setattr("orchestrator.operations.clean_up_activities.PAGE", 0)  # there is always another page
    first = await start(processes, "clean_up")
    await eventually(lambda: processes.next_run(first))
    await processes.latest(first).cancel(reason="carol: not now")
    await processes.until_closed(processes.latest(first))
    await save(
        processes.client.get_workflow_handle(first.id, run_id=first.first_execution_run_id),
        "clean_up.continued",
    )
    await save(processes.latest(first), "clean_up.aborted")


async def test_record_corrected_create(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Security"))
    handle = await processes.create_user_group("Security")
    await processes.until_parked(handle)
    await handle.execute_update("retry", RetryNote(values={"group_name": "Security team"}))
    await handle.result()
    await save(handle, "create_user_group.corrected")


async def test_record_adopted_create(worker: None, processes: Processes, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="answer lost", times=1))
    handle = await processes.create_user_group("Security")
    await until_struck(groups.system)
    await groups.system.order(Fault(kind="reject", name="Security"))
    await processes.until_parked(handle)
    await handle.execute_update("adopt", OperatorNote(by="alice", reason="made by hand"))
    await handle.result()
    await save(handle, "create_user_group.adopted")


async def test_record_create_that_waits(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="unreachable", times=11))
    handle = await processes.create_user_group()
    await handle.result()
    await save(handle, "create_user_group.waiting")


async def test_record_start_later(processes: Processes, worker: None) -> None:
    handle = await start_later(processes)
    await processes.until_closed(processes.client.get_workflow_handle(await handle.result()))
    await save(handle, "start_later.done")


async def test_record_moved_and_aborted_start(
    processes: Processes, worker: None, temporal: WorkflowEnvironment
) -> None:
    with temporal.with_time_skipping_disabled():
        moved, aborted = [await start_later(processes) for _ in range(2)]
    await moved.execute_update("move", {"at": "2030-01-01", "by": "bob", "reason": "extended"})
    await aborted.execute_update("move", {"at": "2030-01-01"})
    await aborted.cancel(reason="carol: they stay")
    soon = datetime.now(UTC) + timedelta(seconds=1)
    await moved.execute_update("move", {"at": soon.isoformat()})
    for handle, name in ((moved, "moved"), (aborted, "aborted")):
        await processes.until_closed(handle)
        await save(handle, f"start_later.{name}")


async def test_record_refused_starts(processes: Processes, worker: None) -> None:
    used = await start_later(processes, process_id=(await processes.create_user_group()).id)
    past = await start_later(processes, at="2020-01-01")
    mistyped = await start_later(processes, workflow="fly")
    for handle, name in ((used, "id_used"), (past, "refused"), (mistyped, "unknown")):
        await processes.until_closed(handle)
        await save(handle, f"start_later.{name}")


async def test_record_start_later_while_postgresql_is_away(
    processes: Processes, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails twice, as often as there are local attempts: when it is scheduled, and when it is due."""
    read, answers = subscriptions.read_subscription, iter([False, False, True, False, False])

    async def fail_or_read(connection: Connection, subscription_id: UUID) -> Any:
        if not next(answers, True):
            raise ConnectionRefusedError("PostgreSQL is away")
        return await read(connection, subscription_id)

    group_id = await processes.active_group()
    monkeypatch.setattr(subscriptions, "read_subscription", fail_or_read)
    handle = await start_later(processes, input={"subscription_id": str(group_id)})
    await handle.result()
    await save(handle, "start_later.database_outage")


async def start_later(processes: Processes, **fields: Any) -> Handle:
    """Schedule a terminate of a new group in a year, unless the fields say otherwise."""
    if "input" not in fields:
        fields["input"] = {"subscription_id": str(await processes.active_group())}
    due = datetime.now(UTC) + timedelta(days=365)
    usual = {"workflow": "terminate_user_group", "at": due.isoformat(), "by": "alice"}
    return await start(processes, "start_later", **usual | fields)


async def start(processes: Processes, workflow: str, /, **form: Any) -> Handle:
    return await processes.client.start_workflow(
        workflow, form, id=f"{workflow}-{uuid4()}", task_queue=processes.task_queue
    )


async def subscriptions_of(processes: Processes) -> list[UUID]:
    async with processes.pool.acquire() as connection:
        found = await findings.list_active(connection, limit=50, after=None)
    return [subscription_id for subscription_id, _ in found]


async def validate_all(processes: Processes) -> Handle:
    return await processes.client.start_workflow(
        ValidateSubscriptions.run,
        ValidateSubscriptionsForm(),
        id=f"validate_subscriptions-{uuid4()}",
        task_queue=processes.task_queue,
    )


async def has_begun(handle: Handle) -> bool | None:
    """Return whether the validation of a subscription was started; `None` means not yet."""
    events = (await handle.fetch_history()).events
    started = any(event.HasField("child_workflow_execution_started_event_attributes") for event in events)
    return started or None
