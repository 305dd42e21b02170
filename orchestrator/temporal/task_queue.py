"""What Temporal knows about the task queue: who works on it, and what waits there."""

from dataclasses import dataclass

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from orchestrator.temporal.connection import Service

TASK_QUEUE = "subscriptions"

TYPES = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)


@dataclass(frozen=True)
class Queue:
    """The task queue at one moment."""

    workers: int
    """Workers that have asked for work lately; one that was killed counts for some minutes more."""
    backlog: int
    """Tasks that wait for a worker, about."""


async def read_queue(service: Service, task_queue: str = TASK_QUEUE) -> Queue:
    """Return who works on the task queue, and how much waits there.

    Raises:
        RPCError: when Temporal does not answer.
    """
    workers: set[str] = set()
    backlog = 0
    for task_queue_type in TYPES:
        request = DescribeTaskQueueRequest(
            namespace=service.namespace,
            task_queue=TaskQueue(name=task_queue),
            task_queue_type=task_queue_type,
            report_stats=True,
        )
        found = await service.workflow_service.describe_task_queue(request)
        workers |= {poller.identity for poller in found.pollers}
        backlog += found.stats.approximate_backlog_count
    return Queue(len(workers), backlog)
