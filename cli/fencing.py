"""Telling an external system to refuse earlier calls for a subscription."""

from uuid import UUID

from catalogue import entry_of
from orchestrator.database.connection import Pool
from orchestrator.database.external_systems import read_opener
from orchestrator.operations.set_in_sync import Fence
from settings import ConfigurationError, Endpoints


def fence_by(endpoints: Endpoints, pool: Pool) -> Fence:
    """Return a function that tells an external system its new fencing token.

    It raises ConfigurationError if the workers use another system than these endpoints name: that one
    would still take late calls.
    """

    async def fence(product_type: str, subscription_id: UUID, token: int) -> None:
        entry = entry_of(product_type)
        if entry is None:
            raise ConfigurationError(f"There is no product of type {product_type} in the catalogue")
        system = endpoints.external_system(entry.external_system)
        async with pool.acquire() as connection:
            used = await read_opener(connection, system.name)
        if used is not None and used != system.opened_by:
            variable = system.name.upper()
            raise ConfigurationError(
                f"The workers run with {variable}={used}, but here it is {system.opened_by}: "
                f"set {variable} and {variable}_URL as they are set for the workers"
            )
        async with system.open(endpoints.url_of(system)) as opened:
            await opened.fence(subscription_id, token=token)

    return fence
