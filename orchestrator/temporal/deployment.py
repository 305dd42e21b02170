"""Worker Deployment Versioning: the version of a worker, and whether it receives new processes."""

import shlex

from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig


def deployment_config(version: WorkerDeploymentVersion) -> WorkerDeploymentConfig:
    """Return the configuration of a worker with this version.

    Processes are pinned: each stays on the version that it began with until an operator moves it. So a new
    release never changes a process that is under way. Processes take seconds; only parked ones outlive a
    release, and their operator decides. `start_later` waits for years, so it is not pinned.
    """
    return WorkerDeploymentConfig(
        version=version, use_worker_versioning=True, default_versioning_behavior=VersioningBehavior.PINNED
    )


async def advice(client: Client, version: WorkerDeploymentVersion) -> str | None:
    """Return the command that routes new processes to this version; `None` if it already receives some.

    Raises:
        InvalidVersion: if Temporal does not accept the name of the deployment.
    """
    request = DescribeWorkerDeploymentRequest(
        namespace=client.namespace, deployment_name=version.deployment_name
    )
    current = ""
    try:
        found = await client.workflow_service.describe_worker_deployment(request)
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise InvalidVersion(version, error) from error
        if error.status is not RPCStatusCode.NOT_FOUND:
            return f"cannot find out whether version {version.build_id} receives new processes: {error}"
    else:
        routing = found.worker_deployment_info.routing_config
        current = routing.current_deployment_version.build_id
        if version.build_id in {current, routing.ramping_deployment_version.build_id}:
            return None
    return (
        f"version {version.build_id} receives no new processes (current version: {current or 'none'}); "
        f"to make {version.build_id} current: {making_current(version)}"
    )


def making_current(version: WorkerDeploymentVersion) -> str:
    """Return the command that routes all new processes to this version."""
    return (
        "temporal worker deployment set-current-version "
        f"--deployment-name {shlex.quote(version.deployment_name)} --build-id {shlex.quote(version.build_id)}"
    )


class InvalidVersion(Exception):
    """Temporal does not accept the name of the deployment; the message says why."""

    def __init__(self, version: WorkerDeploymentVersion, cause: RPCError) -> None:
        super().__init__(f"TEMPORAL_DEPLOYMENT_NAME={version.deployment_name}: {cause.message}")
