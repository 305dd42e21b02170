"""Which Temporal namespace a database belongs to: in another one, all its processes would look lost."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeNamespaceResponse
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.database.connection import NotPermitted, Pool, transaction
from orchestrator.database.namespace import (
    Namespace,
    claim_namespace,
    read_namespace,
    replace_namespace,
)
from orchestrator.database.open_processes import list_newest_open_processes
from orchestrator.domain.errors import DomainError
from orchestrator.temporal.connection import Service
from orchestrator.temporal.executions import find_execution

if TYPE_CHECKING:
    from temporalio.client import Client

PATIENCE = timedelta(seconds=10)
"""How long to wait for Temporal to describe its namespace."""

ASKED_ABOUT = 10
"""Number of open processes that the first program asks about; some may be lost."""


class AnotherTemporal(DomainError):
    """The settings lead to another Temporal namespace than the one that the database belongs to."""

    def __init__(self, own: Namespace | None, found: Namespace) -> None:
        runs_in = f"Temporal's {own}" if own else "another namespace"
        leads_to = str(found) if own else f"{found}, which knows none of the newest that are open"
        super().__init__(
            f"The processes of this database run in {runs_in}, but the settings lead to {leads_to}: "
            "correct TEMPORAL_ADDRESS or TEMPORAL_NAMESPACE; or, if the first one has lost its data or is "
            'gone for good, run "worker.py --adopt-temporal": it moves the database to the second one, and '
            "processes that the second one does not know are then lost"
        )


class NamespaceNotFound(DomainError):
    """Temporal has no namespace with the configured name."""

    def __init__(self, client: "Client | Service") -> None:
        super().__init__(
            f'Temporal at {client.service_client.config.target_host} has no namespace "{client.namespace}": '
            "correct TEMPORAL_NAMESPACE, or create the namespace"
        )


async def require_own_temporal(client: "Client | Service", pool: Pool) -> None:
    """Raise an error unless the database belongs to the namespace of this client.

    Idempotent. The first call stores the namespace that the database belongs to. If the database has open
    processes by then, as after an upgrade, this Temporal must know one of the newest.

    Raises:
        AnotherTemporal: when it belongs to another one.
        NamespaceNotFound: when Temporal has no such namespace.
        NotPermitted: when the role may not read or store the namespace.
        RPCError: when Temporal does not answer.
    """
    found = await find_namespace(client)
    try:
        async with pool.acquire() as connection:
            own = await read_namespace(connection)
            newest = () if own else await list_newest_open_processes(connection, ASKED_ABOUT)
            if newest and not await _knows_any(client, newest):
                raise AnotherTemporal(None, found)
            own = own or await claim_namespace(connection, found)
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotPermitted(error) from error
    if own.namespace_id != found.namespace_id:
        raise AnotherTemporal(own, found)


async def adopt_temporal(client: "Client | Service", pool: Pool) -> tuple[Namespace | None, Namespace]:
    """Move the database to the namespace of this client; return the former namespace and this one.

    Idempotent. The former one is `None` if no program has used the database yet. Processes that are open only
    in the former namespace now count as lost, even if they still run there.

    Raises:
        RPCError: when Temporal does not answer.
    """
    found = await find_namespace(client)
    async with transaction(pool) as connection:
        former = await read_namespace(connection)
        await replace_namespace(connection, found)
    return former, found


async def _knows_any(client: "Client | Service", process_ids: Sequence[str]) -> bool:
    for process_id in process_ids:
        if await find_execution(client, process_id) is not None:
            return True
    return False


async def describe_namespace(client: "Client | Service") -> DescribeNamespaceResponse:
    """Return what Temporal says of the namespace of this client.

    Raises:
        NamespaceNotFound: when Temporal has no such namespace.
        RPCError: when Temporal does not answer.
    """
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        return await client.workflow_service.describe_namespace(request, retry=True, timeout=PATIENCE)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NamespaceNotFound(client) from error
        raise


async def find_namespace(client: "Client | Service") -> Namespace:
    """Return the namespace that this client uses; raises as `describe_namespace` does."""
    described = await describe_namespace(client)
    return Namespace(
        namespace_id=described.namespace_info.id,
        name=described.namespace_info.name,
        address=client.service_client.config.target_host,
    )
