"""A worker that dies between a step's commit and its answer: another goes on, and nothing is doubled."""

import asyncio
import os
import sys
from uuid import uuid4

from temporalio.client import Client

from database.connection import Pool
from products.process import ProcessStatus
from products.subscription import Status
from services.fake_group_management import FakeGroupManagement
from settings import ROOT, Settings
from tests.processes import Processes
from worker import open_worker


async def test_no_step_is_done_twice(
    client: Client, settings: Settings, pool: Pool, groups: FakeGroupManagement
) -> None:
    # A local step at the beginning, a regular one, a local one at the end; at once, as each waits long.
    before = await groups.system.count()
    steps = ("create_subscription", "provision_user_group", "resync")
    await asyncio.gather(*(die_and_go_on(client, settings, pool, step) for step in steps))
    assert await groups.system.count() == before + len(steps)


async def die_and_go_on(client: Client, settings: Settings, pool: Pool, step: str) -> None:
    """Let a worker die when this step has committed, another go on, and say that nothing was done again."""
    processes = Processes(client, f"subscriptions-{uuid4()}", pool)
    handle = await processes.create_user_group()
    exit_code = await run_worker_that_dies_after(step, settings, processes.task_queue)
    committed = await ledger(processes, handle.id)
    async with open_worker(client, settings, task_queue=processes.task_queue) as worker, worker:
        created = await handle.result()
    row = await processes.row(handle)
    assert exit_code == -9
    assert step in committed
    assert committed.items() <= (await ledger(processes, handle.id)).items()
    assert created.status is Status.ACTIVE
    assert row is not None
    assert row.status is ProcessStatus.COMPLETED


async def run_worker_that_dies_after(step: str, settings: Settings, task_queue: str) -> int:
    environment = os.environ | {
        "TEMPORAL_ADDRESS": settings.temporal["target_host"],
        "DATABASE_URL": settings.database_url or "",
    }
    program = ("-m", "tests.dying_worker", task_queue, step)
    worker = await asyncio.create_subprocess_exec(
        sys.executable, *program, cwd=ROOT, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(30):
        return await worker.wait()


async def ledger(processes: Processes, process_id: str) -> dict[str, object]:
    """Return when each step of the process has committed."""
    rows = await processes.pool.fetch(
        "SELECT step, committed_at FROM process_steps WHERE process_id = $1", process_id
    )
    return {row["step"]: row["committed_at"] for row in rows}
