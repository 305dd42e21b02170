"""The six steps as an Absurd task: each step writes, and Absurd keeps its result as a checkpoint."""

import os
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
        name = params["group_name"]
        subscription_id = await context.step("subscription id", self._new_id)

        async def create_subscription() -> None:
            await self._execute(
                "INSERT INTO subscriptions VALUES (%s, 'initial', false, '{}') ON CONFLICT DO NOTHING",
                subscription_id,
            )

        async def store_process_subscription() -> None:
            await self._execute(
                "INSERT INTO processes_subscriptions VALUES (%s, %s) ON CONFLICT DO NOTHING",
                context.task_id,
                subscription_id,
            )

        async def initialize() -> None:
            await self._execute(
                "UPDATE subscriptions SET attributes = %s WHERE subscription_id = %s",
                Jsonb({"group_name": name}),
                subscription_id,
            )

        async def provision() -> int:
            cursor = await self._execute(
                "INSERT INTO group_management.groups (subscription_id, name) VALUES (%s, %s)"
                " ON CONFLICT (subscription_id) DO UPDATE SET name = excluded.name RETURNING group_id",
                subscription_id,
                name,
            )
            return (await cursor.fetchone())[0]

        async def set_active() -> None:
            await self._execute(
                "UPDATE subscriptions SET status = 'active', attributes = %s WHERE subscription_id = %s",
                Jsonb({"group_name": name, "group_id": group_id}),
                subscription_id,
            )

        async def resync() -> None:
            await self._execute(
                "UPDATE subscriptions SET insync = true WHERE subscription_id = %s", subscription_id
            )

        await context.step("create subscription", create_subscription)
        await context.step("store process subscription", store_process_subscription)
        await context.step("initialize", initialize)
        group_id = await context.step("provision", provision)
        await context.step("set status active", set_active)
        await context.step("resync", resync)

    async def _new_id(self) -> str:
        return str(uuid4())

    async def _execute(self, statement: str, *values: object):
        return await self._connection.execute(statement, values)


def client() -> AsyncAbsurd:
    """Return a client of the queue."""
    return AsyncAbsurd(URL, queue_name=QUEUE)
