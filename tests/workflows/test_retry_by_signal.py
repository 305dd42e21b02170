"""Temporal's batches can send signals, but no updates: a signal retries a parked process, too."""

from uuid import uuid4

from temporalio.api.batch.v1 import BatchOperationSignal
from temporalio.api.workflowservice.v1 import StartBatchOperationRequest

from orchestrator.domain.subscription import Status
from orchestrator.process.forms import OperatorNote
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import Processes, eventually


async def test_a_signal_retries_a_parked_process(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved", times=1))
    handle = await processes.create_user_group("Reserved")
    await processes.until_parked(handle)
    await handle.signal("retry", OperatorNote(by="bob", reason="name freed"))
    assert (await handle.result()).status is Status.ACTIVE
    assert [(event.event, event.by) for event in await processes.events(handle)] == [
        ("parked", None),
        ("retried", "bob"),
    ]


async def test_a_signal_to_a_running_process_does_nothing(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=2, times=1))
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle = await processes.create_user_group("Reserved")
    await handle.signal("retry")
    await processes.until_parked(handle)
    assert [event.event for event in await processes.events(handle)] == ["parked"]


async def test_a_batch_retries_every_parked_process(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handles = [await processes.create_user_group("Reserved") for _ in range(3)]
    for handle in handles:
        await processes.until_parked(handle)
    await groups.system.clear_faults()
    parked = "ProcessStatus = 'failed' AND ExecutionStatus = 'Running'"
    query = f"{parked} AND TaskQueue = '{processes.task_queue}'"
    await eventually(lambda: counted(processes, query, 3))
    await processes.client.workflow_service.start_batch_operation(
        StartBatchOperationRequest(
            namespace=processes.client.namespace,
            job_id=str(uuid4()),
            reason="the name was freed",
            visibility_query=query,
            signal_operation=BatchOperationSignal(signal="retry"),
        )
    )
    assert [(await handle.result()).status for handle in handles] == [Status.ACTIVE] * 3


async def counted(processes: Processes, query: str, number: int) -> bool | None:
    return (await processes.client.count_workflows(query)).count == number or None
