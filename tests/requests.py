"""Count what is asked of Temporal and of PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from asyncpg.connection import LoggedQuery
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryResponse
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode, ServiceClient

from cli.connections import Connections
from orchestrator.database.connection import Connection, Pool
from orchestrator.temporal.connection import Service
from settings import Endpoints


class CountingService(ServiceClient):
    """A connection to Temporal that notes every call."""

    def __init__(self, service: ServiceClient) -> None:
        super().__init__(service.config)
        self._service = service
        self.calls: list[str] = []
        self.events = 0
        """Events of histories that were received."""
        self.open, self.most_open = 0, 0
        """Calls in progress, and the most at any time."""
        self.failures = 0
        """How many of the next calls are to fail."""

    @property
    def worker_service_client(self) -> Any:
        return self._service.worker_service_client

    def update_rpc_metadata(self, metadata: Any) -> None:
        self._service.update_rpc_metadata(metadata)

    def update_api_key(self, api_key: str | None) -> None:
        self._service.update_api_key(api_key)

    async def _rpc_call(self, rpc: str, req: Any, resp_type: Any, **options: Any) -> Any:
        self.calls.append(rpc)
        if self.failures:
            self.failures -= 1
            raise RPCError("a test", RPCStatusCode.UNAVAILABLE, b"")
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            answer = await self._service._rpc_call(rpc, req, resp_type, **options)
        finally:
            self.open -= 1
        if isinstance(answer, GetWorkflowExecutionHistoryResponse):
            self.events += len(answer.history.events)
        return answer


class CountingPool:
    """A pool that notes every statement."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.statements: list[str] = []

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        async with self._pool.acquire() as connection:
            with connection.query_logger(self._note):
                yield connection

    def _note(self, query: LoggedQuery) -> None:
        self.statements.append(query.query)


@dataclass
class Counted:
    """Connections of a command, with what is asked over them."""

    service: CountingService
    pool: CountingPool
    connections: Connections = field(init=False)

    @classmethod
    def over(cls, client: Client, pool: Pool, endpoints: Endpoints) -> "Counted":
        counted = cls(CountingService(client.service_client), CountingPool(pool))
        counting = Service(counted.service, client.namespace)
        counted.connections = Connections(
            counting, cast("Pool", counted.pool), temporary=False, endpoints=endpoints
        )
        return counted

    def count(self, rpc: str) -> int:
        return self.service.calls.count(rpc)


HISTORY, DESCRIBE = "get_workflow_execution_history", "describe_workflow_execution"
