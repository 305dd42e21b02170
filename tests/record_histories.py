"""Record the histories that `test_replay.py` replays: `make record`.

Record anew only when a workflow has changed on purpose; a process that is open then replays no more.
"""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import Handle, Processes
from workflows.validate_subscriptions import ValidateSubscriptions, ValidateSubscriptionsForm

HISTORIES = Path(__file__).parent / "histories"


async def save(handle: Handle, name: str) -> None:
    """Write the history, without what speaks of the machine that it was recorded on."""
    history = anonymous((await handle.fetch_history()).to_json_dict())
    (HISTORIES / f"{name}.json").write_text(json.dumps(history, indent=1, ensure_ascii=False) + "\n")


def anonymous(value: Any) -> Any:
    """Return the value without stack traces and with no name of a worker."""
    if isinstance(value, list):
        return [anonymous(one) for one in value]
    if not isinstance(value, dict):
        return value
    named = {"identity": "worker", "workerInstanceKey": "", "stackTrace": ""}
    return {key: named.get(key, anonymous(one)) for key, one in value.items()}


async def test_record_validation_of_all(worker: None, processes: Processes) -> None:
    await processes.active_group()
    handle = await processes.client.start_workflow(
        ValidateSubscriptions.run,
        ValidateSubscriptionsForm(),
        id="validate_subscriptions-1",
        task_queue=processes.task_queue,
    )
    await handle.result()
    await save(handle, "validate_subscriptions.done")


async def test_record_users(worker: None, processes: Processes) -> None:
    group_id, other_id = await processes.active_group("One"), await processes.active_group("Other")
    created = await processes.create_user(group_id, age=42)
    await created.result()
    user_id = processes.subscription_id(created)
    modified = await processes.start("modify_user", user_id, group=str(other_id), age=None)
    await modified.result()
    validated = await processes.start("validate_user", user_id)
    await validated.result()
    terminated = await processes.start("terminate_user", user_id)
    await terminated.result()
    for handle in (created, modified, validated, terminated):
        await save(handle, f"{handle.id.split('-')[0]}.done")


async def test_record_refused_user(worker: None, processes: Processes) -> None:
    handle = await processes.create_user(uuid4())
    await processes.failure(handle)
    await save(handle, "create_user.refused")


async def test_record_done(worker: None, processes: Processes) -> None:
    handle = await processes.create_user_group()
    await handle.result()
    await save(handle, "create_user_group.done")


async def test_record_outage(worker: None, processes: Processes, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="unreachable", times=3))
    handle = await processes.create_user_group()
    await handle.result()
    await save(handle, "create_user_group.outage")


async def test_record_retried(worker: None, processes: Processes, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", times=1))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    await processes.retry(handle, by="bob", reason="name freed")
    await handle.result()
    await save(handle, "create_user_group.retried")


async def test_record_aborted(worker: None, processes: Processes, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", times=1))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    await handle.cancel(reason="carol: wrong name")
    await processes.until_closed(handle)
    await save(handle, "create_user_group.aborted")


async def test_record_modify(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group("Before")
    handle = await processes.start("modify_user_group", group_id, group_name="After")
    await handle.result()
    await save(handle, "modify_user_group.done")


async def test_record_aborted_modify(worker: None, processes: Processes, groups: FakeGroupManagement) -> None:
    group_id = await processes.active_group("Before")
    await groups.system.order(Fault(kind="reject", times=1))
    handle = await processes.start("modify_user_group", group_id, group_name="After")
    await processes.until_parked(handle)
    await handle.cancel(reason="carol: wrong name")
    await processes.until_closed(handle)
    await save(handle, "modify_user_group.aborted")


async def test_record_refused_modify(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group("Before")
    handle = await processes.start("modify_user_group", group_id, group_name="After", version=7)
    await processes.failure(handle)
    await save(handle, "modify_user_group.refused")


async def test_record_terminate(worker: None, processes: Processes) -> None:
    handle = await processes.start("terminate_user_group", await processes.active_group())
    await handle.result()
    await save(handle, "terminate_user_group.done")


async def test_record_terminate_aborted_too_late(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="slow", seconds=1, times=1))
    handle = await processes.start("terminate_user_group", group_id)
    await processes.until_step(handle, "deprovision_user_group")
    await handle.cancel(reason="carol: changed my mind")
    await handle.result()
    await save(handle, "terminate_user_group.forward")


async def test_record_validate(worker: None, processes: Processes) -> None:
    handle = await processes.start("validate_user_group", await processes.active_group())
    await handle.result()
    await save(handle, "validate_user_group.done")


async def test_record_discrepancy(worker: None, processes: Processes, groups: FakeGroupManagement) -> None:
    group_id = await processes.active_group()
    await groups.system.tamper(group_id, None)
    handle = await processes.start("validate_user_group", group_id)
    await processes.failure(handle)
    await save(handle, "validate_user_group.discrepancy")
