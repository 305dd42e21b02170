"""The machine and the versions that figures belong to."""

import os
import platform
from importlib.metadata import version

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client

from orchestrator.database.connection import Pool
from trials.bench.figures import Machine


async def machine(client: Client, pool: Pool, load_average: tuple[float, float, float]) -> Machine:
    """Return this machine, with the versions of what runs on it.

    Args:
        load_average: over 1, 5 and 15 minutes, before the run.
    """
    system = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    return Machine(
        cores=os.cpu_count(),
        load_average=load_average,
        python=platform.python_version(),
        temporalio=version("temporalio"),
        temporal_server=system.server_version,
        postgresql=await pool.fetchval("SHOW server_version"),
    )
