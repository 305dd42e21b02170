"""A worker may die when a process is due: it starts once."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from orchestrator.database.connection import Pool
from orchestrator.database.process_lists import list_processes
from settings import Endpoints
from tests.endpoints import variables
from tests.processes import Processes
from tests.starting import Program
from worker import open_worker

DEATHS = ("while it is checked again", "before it is started", "once it has been started")

PROGRAM = """
import asyncio, os, signal, sys

from orchestrator.operations import start_later
from orchestrator.operations.start_later_activities import StartLaterActivities
from orchestrator.temporal.connection import connect
from settings import Settings
from stack.endpoints import find_endpoints
from worker import open_worker

task_queue, death = sys.argv[1:]
check, checks = StartLaterActivities._subscription, []


def die(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)


async def check_once(self, form, found):
    checks.append(form)
    if len(checks) == 2:
        die()
    return await check(self, form, found)


async def die_in_the_process(run, moment):
    if run.process.workflow == "terminate_user_group":
        die()


async def main():
    endpoints = find_endpoints(Settings.from_environment())
    client = await connect(endpoints.temporal)
    at_moment = {"at_moment": die_in_the_process} if death == "once it has been started" else {}
    async with open_worker(client, endpoints, task_queue=task_queue, **at_moment) as worker:
        await worker.run()


if death == "while it is checked again":
    StartLaterActivities._subscription = check_once
if death == "before it is started":
    start_later.workflow.start_child_workflow = die
asyncio.run(main())
"""


@pytest.mark.exhaustive
async def test_a_worker_that_dies_when_it_is_due_starts_it_once(
    client: Client, endpoints: Endpoints, pool: Pool, temporal: WorkflowEnvironment
) -> None:
    program = Program(os.environ | variables(endpoints), ("-c", PROGRAM))

    async def die_and_go_on(death: str) -> None:
        processes = Processes(client, f"later-{uuid4()}", pool)
        dying = await program.start(processes.task_queue, death)
        group_id = await processes.active_group(death)
        with temporal.with_time_skipping_disabled():
            handle = await client.start_workflow(
                "start_later",
                {
                    "workflow": "terminate_user_group",
                    "input": {"subscription_id": str(group_id)},
                    "at": "2030-01-01",
                },
                id=f"later-{uuid4()}",
                task_queue=processes.task_queue,
            )
        soon = datetime.now(UTC) + timedelta(seconds=1)
        await handle.execute_update("move", {"at": soon.isoformat()})
        await dying.wait()
        async with open_worker(client, endpoints, task_queue=processes.task_queue) as worker, worker:
            await client.get_workflow_handle(await handle.result()).result()
        async with pool.acquire() as connection:
            found = await list_processes(connection, subscription_id=group_id)
        statuses = [(row.workflow, row.status.value) for row in found]
        assert dying.returncode == -9
        assert statuses == [("terminate_user_group", "completed"), ("create_user_group", "completed")]

    await asyncio.gather(*map(die_and_go_on, DEATHS))
