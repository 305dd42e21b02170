"""Worker Deployment Versioning: of which version a worker is, and whether that takes new processes."""

import shlex

from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig


def deployment_config(version: WorkerDeploymentVersion) -> WorkerDeploymentConfig:
    """Return what makes a worker one of this version.

    A process stays on the version that it began with, until an operator moves it: what it does next never
    depends on a release that was rolled out meanwhile. It takes seconds, unless it is parked; and whoever
    looks after a parked one decides.
    """
    return WorkerDeploymentConfig(
        version=version, use_worker_versioning=True, default_versioning_behavior=VersioningBehavior.PINNED
    )


async def advice(client: Client, version: WorkerDeploymentVersion) -> str | None:
    """Return what to do so that this version gets new processes; `None` where it does, or gets a part.

    Raises:
        InvalidVersion: when Temporal does not take the name of the deployment.
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
        f"to make {version.build_id} current: temporal worker deployment set-current-version "
        f"--deployment-name {shlex.quote(version.deployment_name)} --build-id {shlex.quote(version.build_id)}"
    )


class InvalidVersion(Exception):
    """Temporal does not take the name of the deployment; the message says what it must be."""

    def __init__(self, version: WorkerDeploymentVersion, cause: RPCError) -> None:
        super().__init__(f"TEMPORAL_DEPLOYMENT_NAME={version.deployment_name}: {cause.message}")
