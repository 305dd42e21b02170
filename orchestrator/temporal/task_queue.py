"""What Temporal knows about the task queue: who works on it, and what waits there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.deployment.v1 import WorkerDeploymentVersion as FoundVersion
from temporalio.api.enums.v1 import TaskQueueType, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.common import WorkerDeploymentVersion

from orchestrator.temporal.connection import Service

TASK_QUEUE = "subscriptions"

TYPES = {
    TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW: "workflows",
    TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY: "activities",
}


@dataclass(frozen=True)
class Poller:
    """A worker that has asked for work lately."""

    identity: str
    asks_for: str
    """"workflows" or "activities"."""
    asked_at: datetime
    """When it last asked, by Temporal's clock."""
    version: WorkerDeploymentVersion | None
    """`None` if it has none."""


@dataclass(frozen=True)
class Queue:
    """The task queue at one moment."""

    pollers: Sequence[Poller]
    backlog: int
    """Tasks that wait for a worker, about."""
    oldest: timedelta
    """How long the oldest of them has waited, about."""
    current: WorkerDeploymentVersion | None
    """Version that gets new processes; `None` means the workers without a version."""
    ramping: WorkerDeploymentVersion | None
    """Version that gets a part of the new processes; `None` if there is none."""

    @property
    def workers(self) -> int:
        """Workers that have asked for work lately; one that was killed counts for some minutes more."""
        return len({poller.identity for poller in self.pollers})


async def read_queue(service: Service, task_queue: str = TASK_QUEUE) -> Queue:
    """Return who works on the task queue, and how much waits there.

    Raises:
        RPCError: when Temporal does not answer.
    """
    pollers: list[Poller] = []
    backlog, oldest = 0, timedelta()
    current = ramping = None
    for task_queue_type, asks_for in TYPES.items():
        request = DescribeTaskQueueRequest(
            namespace=service.namespace,
            task_queue=TaskQueue(name=task_queue),
            task_queue_type=task_queue_type,
            report_stats=True,
        )
        found = await service.workflow_service.describe_task_queue(request)
        pollers += [_poller(one, asks_for) for one in found.pollers]
        backlog += found.stats.approximate_backlog_count
        oldest = max(oldest, found.stats.approximate_backlog_age.ToTimedelta())
        current = current or _version(found.versioning_info.current_deployment_version)
        ramping = ramping or _version(found.versioning_info.ramping_deployment_version)
    return Queue(tuple(pollers), backlog, oldest, current, ramping)


def _poller(found: PollerInfo, asks_for: str) -> Poller:
    options = found.deployment_options
    versioned = options.worker_versioning_mode == WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
    return Poller(
        identity=found.identity,
        asks_for=asks_for,
        asked_at=found.last_access_time.ToDatetime(tzinfo=UTC),
        version=WorkerDeploymentVersion(options.deployment_name, options.build_id) if versioned else None,
    )


def _version(found: FoundVersion) -> WorkerDeploymentVersion | None:
    return WorkerDeploymentVersion(found.deployment_name, found.build_id) if found.build_id else None
