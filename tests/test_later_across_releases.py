"""What is scheduled waits for years, and so across releases: it is not pinned, as processes are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError

from orchestrator.database.connection import open_pool
from orchestrator.temporal.connection import connect
from orchestrator.temporal.search_attributes import register_search_attributes
from orchestrator.temporal.task_queue import TASK_QUEUE
from settings import Endpoints, Settings
from tests import test_rolling_upgrade as rolling
from tests.conftest import new_database
from tests.processes import Processes, eventually
from worker import open_worker, prepare_databases

temporal_of_its_own = rolling.temporal_of_its_own


async def test_it_starts_on_the_release_that_is_current_when_due(
    temporal_of_its_own: Client, postgres: str
) -> None:
    address = temporal_of_its_own.service_client.config.target_host
    endpoints = Settings().at(temporal_address=address, database_url=await new_database(postgres))
    await prepare_databases(endpoints)
    client = await connect({"target_host": address})
    await register_search_attributes(client)
    async with await open_pool(endpoints.database_url.get_secret_value()) as pool:
        processes = Processes(client, TASK_QUEUE, pool)
        async with current_release(client, endpoints, "1.0"):
            group_id = await processes.active_group()
            handle = await client.start_workflow(
                "start_later",
                {
                    "workflow": "terminate_user_group",
                    "input": {"subscription_id": str(group_id)},
                    "at": (datetime.now(UTC) + timedelta(days=365)).isoformat(),
                    "process_id": "the-end",
                },
                id="later-the-end",
                task_queue=TASK_QUEUE,
            )
            await handle.execute_update("move", {"at": "2030-01-01"})
        async with current_release(client, endpoints, "2.0"), asyncio.timeout(60):
            soon = datetime.now(UTC) + timedelta(seconds=1)
            await handle.execute_update("move", {"at": soon.isoformat()})
            await client.get_workflow_handle(await handle.result()).result()
    upgrade = rolling.Upgrade({}, client)
    assert await upgrade.process("later-the-end") == (WorkflowExecutionStatus.COMPLETED, ["1.0", "2.0"])
    assert await upgrade.process("the-end") == (WorkflowExecutionStatus.COMPLETED, ["2.0"])


@asynccontextmanager
async def current_release(client: Client, endpoints: Endpoints, build_id: str) -> AsyncIterator[None]:
    """Run a worker of this version, and make it the current one."""
    version = WorkerDeploymentVersion(deployment_name="later", build_id=build_id)
    async with open_worker(client, endpoints, version=version) as worker, worker:
        await eventually(lambda: make_current(client, version))
        yield


async def make_current(client: Client, version: WorkerDeploymentVersion) -> bool | None:
    """Make the version current; return `None` as long as Temporal does not know it."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace, deployment_name=version.deployment_name, build_id=version.build_id
    )
    try:
        await client.workflow_service.set_worker_deployment_current_version(request)
    except RPCError:
        return None
    return True
