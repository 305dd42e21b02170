"""A burst of processes waits for its turn: waiting is not failing."""

import asyncio

from temporalio import activity
from temporalio.client import Client

from orchestrator.database.connection import open_pool
from orchestrator.process.ledger import Moment
from orchestrator.process.messages import StepRun
from settings import Endpoints
from tests.processes import Processes
from worker import open_worker

CONNECTIONS, BURST = 2, 14


class Holder:
    """Holds a connection for a second in the first step: the last one waits longer than its timeout."""

    def __init__(self) -> None:
        self.attempts: list[int] = []

    async def __call__(self, run: StepRun, moment: Moment) -> None:
        if (run.step, moment) == ("create_subscription", "before the effect"):
            self.attempts.append(activity.info().attempt)
        if (run.step, moment) == ("create_subscription", "before the commit"):
            await asyncio.sleep(1)


async def test_no_local_step_of_a_burst_times_out(
    client: Client, endpoints: Endpoints, processes: Processes, task_queue: str
) -> None:
    """A step gets its turn when it gets a connection, and only then its time begins."""
    holder, url = Holder(), endpoints.database_url.get_secret_value()
    async with (
        await open_pool(url, size=CONNECTIONS) as pool,
        open_worker(client, endpoints, pool=pool, task_queue=task_queue, at_moment=holder) as worker,
        worker,
    ):
        started = (processes.create_user_group(f"Group {number}") for number in range(BURST))
        handles = await asyncio.gather(*started)
        await asyncio.gather(*(handle.result() for handle in handles))
    assert holder.attempts == [1] * BURST
