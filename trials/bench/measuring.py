"""Measure subjects on a running stack: one at a time, at full load, and at a steady rate."""

import asyncio
import time
from collections.abc import Iterable, Sequence

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from trials.bench.errors import BenchFailed
from trials.bench.figures import Measure, Measured, percentile, rate
from trials.bench.history import cost
from trials.bench.parts import Parts
from trials.bench.subjects import PATIENCE, Subject


async def alone(subjects: Sequence[Subject], number: int) -> dict[str, Measured]:
    """Return the latency of each subject when nothing else runs. They take turns."""
    latencies: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    for _ in range(number):
        for subject in subjects:
            began = time.perf_counter()
            await subject.run()
            latencies[subject.name].append((time.perf_counter() - began) * 1000)
    return {
        name: {
            Measure.ALONE_P50_MS: percentile(values, 50),
            Measure.ALONE_P95_MS: percentile(values, 95),
            Measure.ALONE_P99_MS: percentile(values, 99),
        }
        for name, values in latencies.items()
    }


async def throughput(subject: Subject, number: int, concurrency: int) -> float:
    """Return how many processes end per second when so many always run at a time."""
    places, ends = asyncio.Semaphore(concurrency), []

    async def run() -> None:
        async with places:
            await subject.run()
            ends.append(time.perf_counter())

    await asyncio.gather(*(run() for _ in range(number)))
    return rate(ends, concurrency)


async def full_load(subject: Subject, number: int, concurrency: int, parts: Parts) -> Measured:
    """Return the throughput, and the CPU that each part needs for one process."""
    before = parts.cpu_seconds(subject.workers)
    per_second = await throughput(subject, number, concurrency)
    after = parts.cpu_seconds(subject.workers)
    cpu = {part: (after[part] - before[part]) * 1000 / number for part in after}
    together = sum(cpu.values()) - cpu[Measure.CPU_CLIENT_MS]
    return {Measure.PER_SECOND: per_second, Measure.CPU_MS: together} | cpu


async def steady(subject: Subject, per_second: int, seconds: int) -> Measured:
    """Return the latency when so many processes start per second, whether or not others have ended.

    It counts from the moment at which the process should have started: a client that is late hides nothing.
    """
    began = time.perf_counter()

    async def run(at: float) -> float:
        await asyncio.sleep(max(at - time.perf_counter(), 0))
        await subject.run()
        return (time.perf_counter() - at) * 1000

    numbers = range(per_second * seconds)
    latencies = await asyncio.gather(*(run(began + number / per_second) for number in numbers))
    return {
        Measure.STEADY_P50_MS: percentile(latencies, 50),
        Measure.STEADY_P99_MS: percentile(latencies, 99),
    }


async def cost_of_one(client: Client, subject: Subject) -> Measured:
    """Return what the history of one process costs; nothing if the subject has no history."""
    workflow_id = await subject.run()
    if workflow_id is None:
        return {}
    return cost((await client.get_workflow_handle(workflow_id).fetch_history()).events)


async def wait_for_workers(client: Client, task_queue: str, pids: Iterable[int]) -> None:
    """Wait until all of these workers poll the task queue.

    Raises:
        BenchFailed: when one of them does not.
    """
    give_up = time.monotonic() + PATIENCE
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    while True:
        answer = await client.workflow_service.describe_task_queue(request)
        if set(pids) <= {int(poller.identity.partition("@")[0]) for poller in answer.pollers}:
            return
        if time.monotonic() > give_up:
            raise BenchFailed(f"Not every worker polls {task_queue} after {PATIENCE:.0f} s")
        await asyncio.sleep(0.05)
