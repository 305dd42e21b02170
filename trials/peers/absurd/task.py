"""The six steps as an Absurd task: each step writes, and Absurd keeps its result as a checkpoint."""

import os
from functools import partial
from uuid import uuid4

from absurd_sdk import AsyncAbsurd, AsyncTaskContext
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

URL = os.environ["PEER_DATABASE_URL"]
QUEUE = "creates"
TASK = "create-user-group"

TABLES = """
CREATE TABLE subscriptions (
    subscription_id uuid PRIMARY KEY,
    status          text NOT NULL,
    insync          boolean NOT NULL,
    attributes      jsonb NOT NULL
);
CREATE TABLE processes_subscriptions (
    process_id      text NOT NULL,
    subscription_id uuid NOT NULL REFERENCES subscriptions,
    PRIMARY KEY (process_id, subscription_id)
);
CREATE SCHEMA group_management;
CREATE TABLE group_management.groups (
    subscription_id uuid PRIMARY KEY,
    group_id        integer GENERATED ALWAYS AS IDENTITY,
    name            text NOT NULL
);
"""


class UserGroups:
    """The steps, on a connection of their own: Absurd's commits each of its statements."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(self, params: dict[str, str], context: AsyncTaskContext) -> None:
        """Run the six steps; a step is idempotent, since a crash may repeat it."""
        name, step = params["group_name"], context.step
        subscription_id = await step("subscription id", self._new_id)
        await step("create subscription", partial(self._create, subscription_id))
        await step("store process subscription", partial(self._relate, context.task_id, subscription_id))
        await step("initialize", partial(self._store, subscription_id, "initial", {"group_name": name}))
        group_id = await step("provision", partial(self._provision, subscription_id, name))
        values = {"group_name": name, "group_id": group_id}
        await step("set status active", partial(self._store, subscription_id, "active", values))
        await step("resync", partial(self._resync, subscription_id))

    async def _create(self, subscription_id: str) -> None:
        await self._execute(
            "INSERT INTO subscriptions VALUES (%s, 'initial', false, '{}') ON CONFLICT DO NOTHING",
            subscription_id,
        )

    async def _relate(self, process_id: str, subscription_id: str) -> None:
        await self._execute(
            "INSERT INTO processes_subscriptions VALUES (%s, %s) ON CONFLICT DO NOTHING",
            process_id,
            subscription_id,
        )

    async def _store(self, subscription_id: str, status: str, values: dict[str, object]) -> None:
        await self._execute(
            "UPDATE subscriptions SET status = %s, attributes = %s WHERE subscription_id = %s",
            status,
            Jsonb(values),
            subscription_id,
        )

    async def _provision(self, subscription_id: str, name: str) -> int:
        cursor = await self._execute(
            "INSERT INTO group_management.groups (subscription_id, name) VALUES (%s, %s)"
            " ON CONFLICT (subscription_id) DO UPDATE SET name = excluded.name RETURNING group_id",
            subscription_id,
            name,
        )
        return (await cursor.fetchone())[0]

    async def _resync(self, subscription_id: str) -> None:
        await self._execute(
            "UPDATE subscriptions SET insync = true WHERE subscription_id = %s", subscription_id
        )

    async def _new_id(self) -> str:
        return str(uuid4())

    async def _execute(self, statement: str, *values: object):
        return await self._connection.execute(statement, values)


def client() -> AsyncAbsurd:
    """Return a client of the queue."""
    return AsyncAbsurd(URL, queue_name=QUEUE)
