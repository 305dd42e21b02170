"""Telling an external system to refuse earlier calls for a subscription."""

from uuid import UUID

from catalogue import entry_of
from orchestrator.operations.set_in_sync import Fence
from settings import ConfigurationError, Endpoints


def fence_by(endpoints: Endpoints) -> Fence:
    """Return a function that tells an external system its new fencing token."""

    async def fence(product_type: str, subscription_id: UUID, token: int) -> None:
        entry = entry_of(product_type)
        if entry is None:
            raise ConfigurationError(f"There is no product of type {product_type} in the catalogue")
        system = endpoints.external_system(entry.external_system)
        async with system.open(endpoints.url_of(system)) as opened:
            await opened.fence(subscription_id, token=token)

    return fence
