"""Telling the external system of a subscription that earlier calls come too late."""

from uuid import UUID

from catalogue import entry_of
from orchestrator.operations.set_in_sync import Fence
from settings import ConfigurationError, Settings


def fence_by(settings: Settings) -> Fence:
    """Return what tells a system its new fencing token, by the client that the settings name."""

    async def fence(product_type: str, subscription_id: UUID, token: int) -> None:
        entry = entry_of(product_type)
        if entry is None:
            raise ConfigurationError(f"There is no product of type {product_type} in the catalogue")
        assert settings.database_url is not None
        async with settings.external_system(entry.external_system).open(settings.database_url) as system:
            await system.fence(subscription_id, token=token)

    return fence
