"""The clients of the external systems of a worker, and the connections that they take."""

import inspect
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import wraps
from typing import Any
from uuid import UUID

from catalogue import entry_of
from orchestrator import traces
from orchestrator.database.connection import open_pool
from orchestrator.domain.errors import DomainError
from orchestrator.operations.set_in_sync import Fence
from orchestrator.temporal.metrics import CALL, SILENT, Metrics
from services.errors import AddressNotFit
from services.fake_pool import FAKES_POOL_SIZE
from settings import ConfigurationError, Endpoints


@asynccontextmanager
async def open_external_systems(
    endpoints: Endpoints, metrics: Metrics = SILENT
) -> AsyncIterator[dict[str, Any]]:
    """Open a client of every external system, by name; fakes at one URL share a small pool.

    Raises:
        ConfigurationError: when a URL is not one that the client of its system can use.
    """
    async with AsyncExitStack() as stack:
        pools, systems = {}, {}
        for url in _urls_of_fakes(endpoints):
            pools[url] = await stack.enter_async_context(await open_pool(url, size=FAKES_POOL_SIZE))
        for system in endpoints.external_systems:
            url = endpoints.url_of(system)
            opened = system.open(pools[url] if system.is_fake else url)
            try:
                client = await stack.enter_async_context(opened)
            except AddressNotFit as error:
                raise ConfigurationError(f"{system.name.upper()}_URL: {error}") from None
            systems[system.name] = traces.traced(system.name, _Measured(system.name, client, metrics))
        yield systems


class _Measured:
    """A client of an external system that measures its calls: the methods that are coroutine functions."""

    def __init__(self, name: str, client: Any, metrics: Metrics) -> None:
        self._name = name
        self._client = client
        self._metrics = metrics

    def __getattr__(self, call: str) -> Any:
        method = getattr(self._client, call)
        if not inspect.iscoroutinefunction(method):
            return method

        @wraps(method)
        async def measured_call(*args: Any, **kwargs: Any) -> Any:
            began, result = time.monotonic(), "failed"
            try:
                answer = await method(*args, **kwargs)
            except DomainError:
                result = "refused"
                raise
            else:
                result = "answered"
                return answer
            finally:
                self._metrics.record(CALL, time.monotonic() - began, self._name, call, result)

        return measured_call


def fence_with(systems: Mapping[str, Any]) -> Fence:
    """Return a function that tells an external system its new fencing token.

    Args:
        systems: the clients, by the name of their system.
    """

    async def fence(product_type: str, subscription_id: UUID, token: int) -> None:
        entry = entry_of(product_type)
        if entry is None:
            raise ConfigurationError(f"There is no product of type {product_type} in the catalogue")
        await systems[entry.external_system].fence(subscription_id, token=token)

    return fence


def _urls_of_fakes(endpoints: Endpoints) -> set[str]:
    return {endpoints.url_of(system) for system in endpoints.external_systems if system.is_fake}


def most_connections(endpoints: Endpoints, pool_size: int) -> int:
    """Return how many connections to PostgreSQL a worker takes at most.

    The steps and the reconciler share one pool. All fakes at one URL share another, so that a slow external
    system keeps no connection from the steps; real external systems take none. While it starts, before it
    opens these pools, a worker takes one at a time.
    """
    return pool_size + FAKES_POOL_SIZE * len(_urls_of_fakes(endpoints))
