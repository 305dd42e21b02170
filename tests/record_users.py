"""Record the histories of users, and of the validation of all: `make record`."""

from uuid import uuid4

from tests.processes import Processes
from tests.recorded import save
from workflows.validate_subscriptions import ValidateSubscriptions, ValidateSubscriptionsForm


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
