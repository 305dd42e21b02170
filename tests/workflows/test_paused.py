"""A process is open if Temporal has paused it, or shows a status that this code does not know."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    PauseWorkflowExecutionRequest,
)
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from cli.fencing import fence_by
from orchestrator.database.connection import Pool
from orchestrator.operations.reconcile import reconcile
from orchestrator.operations.set_in_sync import HolderIsOpen, set_in_sync
from orchestrator.temporal import search_attributes
from orchestrator.temporal.executions import Execution, closed_as, is_cancellation_requested
from orchestrator.temporal.plugin import subscriptions_plugin
from orchestrator.temporal.task_queue import TASK_QUEUE
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import Endpoints, Settings
from stack.temporal_server import dynamic_config, find_temporal_cli
from tests.conftest import new_database
from tests.endpoints import variables
from tests.processes import Handle, Processes, eventually
from tests.starting import Starter
from worker import prepare_databases

PAUSED = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED
CLOSED = {
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED: "completed",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED: "failed",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED: "canceled",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED: "terminated",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT: "timed out",
}
OF_TOMORROW = 99


@pytest.fixture(scope="module")
async def client(directory: Path) -> AsyncIterator[Client]:
    """A Temporal that can pause workflows."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=find_temporal_cli(directory),
        dev_server_extra_args=dynamic_config({"frontend.WorkflowPauseEnabled": "true"}),
        search_attributes=search_attributes.ALL,
        plugins=[subscriptions_plugin()],
    )
    async with environment:
        yield environment.client


@pytest.fixture(scope="module")
async def endpoints(client: Client, postgres: str) -> Endpoints:
    address = client.service_client.config.target_host
    endpoints = Settings().at(temporal_address=address, database_url=await new_database(postgres))
    await prepare_databases(endpoints)
    return endpoints


@pytest.fixture
def task_queue() -> str:
    return TASK_QUEUE


@pytest.fixture
def starter(endpoints: Endpoints) -> Starter:
    return Starter(os.environ | variables(endpoints))


@pytest.fixture
async def paused(worker: None, processes: Processes, groups: FakeGroupManagement) -> tuple[Handle, UUID]:
    """A process that is parked on a group, and that Temporal has paused."""
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    handle = await processes.start("modify_user_group", group_id, group_name="Reserved")
    await processes.until_parked(handle)
    await pause(processes.client, handle.id)
    return handle, group_id


async def pause(client: Client, process_id: str) -> None:
    await client.workflow_service.pause_workflow_execution(
        PauseWorkflowExecutionRequest(
            namespace=client.namespace, workflow_id=process_id, reason="a test", request_id=str(uuid4())
        )
    )
    await eventually(lambda: is_paused(client, process_id))


async def is_paused(client: Client, process_id: str) -> bool | None:
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=process_id)
    )
    described = await client.workflow_service.describe_workflow_execution(request)
    return described.workflow_execution_info.status == PAUSED or None


async def test_a_paused_process_is_never_found_lost(
    paused: tuple[Handle, UUID], client: Client, pool: Pool
) -> None:
    assert await reconcile(client, pool) == []
    assert await closed_as(client, paused[0].id) is None


async def test_what_a_paused_process_holds_is_not_set_in_sync(
    paused: tuple[Handle, UUID], processes: Processes, endpoints: Endpoints
) -> None:
    handle, group_id = paused
    with pytest.raises(HolderIsOpen):
        await set_in_sync(
            processes.client,
            processes.pool,
            group_id,
            fence=fence_by(endpoints, processes.pool),
            by=None,
            reason="looked",
        )
    assert (await processes.read(group_id)).held_by == handle.id


async def test_a_step_of_a_paused_process_asks_about_an_abort(
    paused: tuple[Handle, UUID], client: Client
) -> None:
    assert not await is_cancellation_requested(client, paused[0].id)
    await paused[0].cancel()
    assert await is_cancellation_requested(client, paused[0].id)


async def test_a_paused_process_is_shown(paused: tuple[Handle, UUID], starter: Starter) -> None:
    shown = await starter("process", paused[0].id, "--json")
    assert (shown.code, shown.document["status"], shown.document["ended_at"]) == (0, "failed", None)
    assert "modify_user_group" in [step["name"] for step in shown.document["steps"]]


async def test_a_paused_process_without_a_row_is_shown_as_running(client: Client, starter: Starter) -> None:
    process_id = f"create_user_group-{uuid4()}"
    await client.start_workflow(
        "create_user_group", {"group_name": "a"}, id=process_id, task_queue="nobody works here"
    )
    await pause(client, process_id)
    shown = await starter("process", process_id, "--json")
    assert (shown.code, shown.document["status"]) == (0, "running")


async def test_a_paused_validation_of_all_is_open(client: Client, starter: Starter) -> None:
    process_id = f"validate_subscriptions-{uuid4()}"
    await client.start_workflow("validate_subscriptions", {}, id=process_id, task_queue="nobody works here")
    await pause(client, process_id)
    shown = await starter("validate", "--all", "--process-id", process_id, "--no-wait", "--json")
    assert (shown.code, shown.document["status"], shown.document["error"]) == (0, "running", None)


@pytest.mark.parametrize("status", [*WorkflowExecutionStatus.values(), OF_TOMORROW])
def test_a_status_that_is_not_known_as_closed_is_open(status: int) -> None:
    info = WorkflowExecutionInfo()
    info.status = status  # type: ignore[assignment]  # as a later server may answer
    described = DescribeWorkflowExecutionResponse(workflow_execution_info=info)
    assert Execution.of(described).closed_as == CLOSED.get(status)  # type: ignore[call-overload]
