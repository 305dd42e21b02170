"""A database belongs to one Temporal namespace: another one would find all its processes lost."""

from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from orchestrator.database.connection import NotPermitted, Pool, transaction
from orchestrator.database.namespace import (
    Namespace,
    claim_namespace,
    read_namespace,
    replace_namespace,
)
from orchestrator.domain.errors import DomainError
from orchestrator.temporal.connection import Service

if TYPE_CHECKING:
    from temporalio.client import Client

PATIENCE = timedelta(seconds=10)
"""How long to wait for Temporal to say who it is."""


class AnotherTemporal(DomainError):
    """The settings lead to another Temporal, or namespace, than the one that the processes run in."""

    def __init__(self, own: Namespace, found: Namespace) -> None:
        super().__init__(
            f"The processes of this database run in Temporal's {own}, but the settings lead to {found}: "
            "set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE; or, if the former has lost its data or is given up "
            'for good, run "worker.py --adopt-temporal": processes that this one does not know are lost then'
        )


async def require_own_temporal(client: "Client | Service", pool: Pool) -> None:
    """Raise an error unless the database belongs to the namespace of this client; the first use decides.

    Raises:
        AnotherTemporal: when it belongs to another one.
        NotPermitted: when the role may not look.
        RPCError: when Temporal does not answer.
    """
    found = await _namespace(client)
    try:
        async with pool.acquire() as connection:
            own = await read_namespace(connection) or await claim_namespace(connection, found)
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotPermitted(error) from error
    if own.namespace_id != found.namespace_id:
        raise AnotherTemporal(own, found)


async def adopt_temporal(client: "Client | Service", pool: Pool) -> tuple[Namespace | None, Namespace]:
    """Let the database belong to the namespace of this client; return the former one, and this one.

    From now on, processes that are open in the former one are found lost, even while they still run there.
    """
    found = await _namespace(client)
    async with transaction(pool) as connection:
        former = await read_namespace(connection)
        await replace_namespace(connection, found)
    return former, found


async def _namespace(client: "Client | Service") -> Namespace:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    described = await client.workflow_service.describe_namespace(request, retry=True, timeout=PATIENCE)
    return Namespace(
        namespace_id=described.namespace_info.id,
        name=described.namespace_info.name,
        address=client.service_client.config.target_host,
    )
