"""Start processes in a test, and read their results."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from orchestrator.database import processes, subscriptions
from orchestrator.database.connection import Pool
from orchestrator.database.processes import TrailEvent, TrailRow
from orchestrator.domain.process import ProcessStatus, created_subscription_id
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.forms import OperatorNote
from orchestrator.temporal import search_attributes
from orchestrator.temporal.history import StepLog, step_log
from products.product_types.user_group import UserGroup
from services.fake_system import FakeSystem
from workflows.user_group.create_user_group import CreateUserGroup, CreateUserGroupForm

T = TypeVar("T")
Handle = WorkflowHandle[Any, Any]
CreateHandle = WorkflowHandle[CreateUserGroup, UserGroup]


class Processes:
    """The processes of one test, on its own task queue."""

    def __init__(self, client: Client, task_queue: str, pool: Pool) -> None:
        self.client = client
        self.task_queue = task_queue
        self.pool = pool

    async def create_user_group(self, group_name: str = "Network operators", **fields: str) -> CreateHandle:
        """Start a `create_user_group`."""
        form = CreateUserGroupForm.model_validate({"group_name": group_name, **fields})
        return await self.client.start_workflow(
            CreateUserGroup.run,
            form,
            id=f"create_user_group-{uuid4()}",
            task_queue=self.task_queue,
            static_summary=form.title,
        )

    async def active_group(self, group_name: str = "Network operators") -> UUID:
        """Create a user group and return its subscription's id."""
        return (await (await self.create_user_group(group_name)).result()).subscription_id

    async def create_user(self, group_id: UUID, username: str = "alice", **fields: object) -> Handle:
        """Start a `create_user`; by default of an internal user."""
        form = {"product": "User internal", "username": username, "group": str(group_id), **fields}
        return await self.client.start_workflow(
            "create_user", form, id=f"create_user-{uuid4()}", task_queue=self.task_queue
        )

    async def active_user(self, group_id: UUID, username: str = "alice", **fields: object) -> UUID:
        """Create a user and return their subscription's id."""
        handle = await self.create_user(group_id, username, **fields)
        await handle.result()
        return self.subscription_id(handle)

    async def start(self, workflow: str, subscription_id: UUID, **fields: object) -> Handle:
        """Start a process on an existing subscription."""
        return await self.client.start_workflow(
            workflow,
            {"subscription_id": str(subscription_id), **fields},
            id=f"{workflow}-{uuid4()}",
            task_queue=self.task_queue,
        )

    async def find(self, subscription_id: UUID) -> SubscriptionModel | None:
        """Read a subscription; `None` if it does not exist."""
        async with self.pool.acquire() as connection:
            stored = await subscriptions.read_subscription(connection, subscription_id)
        return None if stored is None else stored.subscription

    async def read(self, subscription_id: UUID) -> SubscriptionModel:
        """Read an existing subscription."""
        found = await self.find(subscription_id)
        assert found is not None
        return found

    async def retry(self, handle: Handle, **note: str) -> str:
        """Send the update `retry`."""
        answer: str = await handle.execute_update("retry", OperatorNote.model_validate(note))
        return answer

    async def subscription(self, handle: Handle) -> SubscriptionModel | None:
        """Read the subscription that the process creates."""
        return await self.find(self.subscription_id(handle))

    def subscription_id(self, handle: Handle) -> UUID:
        """Return the id of the subscription that the process creates."""
        return created_subscription_id(handle.id)

    async def row(self, handle: Handle) -> TrailRow | None:
        """Read the trail row of the process."""
        async with self.pool.acquire() as connection:
            return await processes.read_process(connection, handle.id)

    async def events(self, handle: Handle) -> list[TrailEvent]:
        """Read the events of the process."""
        async with self.pool.acquire() as connection:
            return await processes.read_events(connection, handle.id)

    async def steps(self, handle: Handle) -> list[StepLog]:
        """Read the step log of the process."""
        description = await handle.describe()
        history = await handle.fetch_history()
        return step_log(history.events, list(description.raw_description.pending_activities))

    async def give_up(self, handle: Handle, **note: str) -> str:
        """Send the update `give_up`."""
        answer: str = await handle.execute_update("give_up", OperatorNote.model_validate(note))
        return answer

    async def reset(self, handle: Handle) -> None:
        """Reset the execution to its first workflow task, as an operator can."""
        run = await self.latest(handle).describe()
        await self.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=self.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=run.run_id),
                reason="a test",
                workflow_task_finish_event_id=4,
                request_id=str(uuid4()),
            )
        )

    def latest(self, handle: Handle) -> WorkflowHandle[Any, Any]:
        """Return the handle of the last run of the process."""
        return self.client.get_workflow_handle(handle.id)

    async def next_run(self, handle: Handle) -> Handle | None:
        """Return the handle of the last run if it is not this one; `None` while it is."""
        run_id = (await self.latest(handle).describe()).run_id
        if run_id == (handle.run_id or handle.first_execution_run_id):
            return None
        return self.client.get_workflow_handle(handle.id, run_id=run_id)

    async def details(self, handle: Handle) -> str:
        """Read the current details, which the Web UI shows."""
        metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        details: str = metadata.current_details
        return details

    async def until_parked(self, handle: Handle, *, times: int = 1, seconds: float = 30) -> TrailRow:
        """Wait until the process has parked this often, and its status shows it."""

        async def parked() -> TrailRow | None:
            events = [event for event in await self.events(handle) if event.event == "parked"]
            attributes = (await self.latest(handle).describe()).typed_search_attributes
            shown = attributes.get(search_attributes.PROCESS_STATUS) == ProcessStatus.FAILED
            return await self.row(handle) if len(events) == times and shown else None

        return await eventually(parked, seconds=seconds)

    async def until_step(self, handle: Handle, name: str) -> StepLog:
        """Wait until an attempt at this step is running."""

        async def running() -> StepLog | None:
            steps = await self.steps(handle)
            return next((step for step in steps if step.name == name and step.attempts), None)

        return await eventually(running)

    async def until_closed(self, handle: Handle) -> None:
        """Wait until the process has ended in any way."""
        with suppress(WorkflowFailureError):
            await handle.result()

    async def failure(self, handle: Handle) -> str:
        """Wait until the process has failed, and return its message."""
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
        assert isinstance(failed.value.cause, ApplicationError)
        return failed.value.cause.message


async def until_struck(system: FakeSystem) -> None:
    """Wait until every fault with a limited number of calls is used up: a slow call has begun."""

    async def struck() -> bool | None:
        return None if await system.faults() else True

    await eventually(struck)


async def eventually(look: Callable[[], Awaitable[T | None]], *, seconds: float = 30) -> T:
    """Wait for a result other than `None`, and return it."""
    async with asyncio.timeout(seconds):
        while (seen := await look()) is None:  # noqa: ASYNC110  # what is awaited is in other processes
            await asyncio.sleep(0.02)
    return seen
