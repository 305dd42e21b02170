"""The six steps as a DBOS workflow: transactions on a datasource, and a step for the external call."""

import os
from uuid import uuid4

from dbos import DBOS, DBOSConfig, SQLAlchemyDatasource
from sqlalchemy import create_engine, text

URL = os.environ["PEER_DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:", 1)
TUNED = bool(os.environ["PEER_TUNED"])
NAME = "user-groups"
QUEUE = "creates"
POLL_SECONDS = 0.02 if TUNED else 1.0
"""Seconds between two looks at the queue, and at a result."""

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

datasource = SQLAlchemyDatasource.create(URL)
external = create_engine(URL)
transaction = datasource.transaction(isolation_level="READ COMMITTED" if TUNED else "SERIALIZABLE")


def launch() -> None:
    """Start DBOS in this process, and its queue."""
    config: DBOSConfig = {
        "name": NAME,
        "application_version": "1",
        "executor_id": os.environ["PEER_NUMBER"],
        "system_database_url": URL,
    }
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(QUEUE, polling_interval_sec=POLL_SECONDS)


def _execute(statement: str, **values: object) -> None:
    datasource.sql_session().execute(text(statement), values)


@transaction
def create_subscription() -> str:
    """Store a new subscription."""
    subscription_id = str(uuid4())
    _execute("INSERT INTO subscriptions VALUES (:id, 'initial', false, '{}')", id=subscription_id)
    return subscription_id


@transaction
def store_process_subscription(process_id: str, subscription_id: str) -> None:
    """Store which process made the subscription."""
    _execute(
        "INSERT INTO processes_subscriptions VALUES (:process, :id)", process=process_id, id=subscription_id
    )


@transaction
def initialize(subscription_id: str, name: str) -> None:
    """Store what was asked for."""
    _execute(
        "UPDATE subscriptions SET attributes = jsonb_build_object('group_name', cast(:name AS text))"
        " WHERE subscription_id = :id",
        id=subscription_id,
        name=name,
    )


@DBOS.step()
def provision(subscription_id: str, name: str) -> int:
    """Call the external system; it commits for itself, so a repeated call must find the first."""
    with external.begin() as connection:
        return connection.execute(
            text(
                "INSERT INTO group_management.groups (subscription_id, name) VALUES (:id, :name)"
                " ON CONFLICT (subscription_id) DO UPDATE SET name = excluded.name RETURNING group_id"
            ),
            {"id": subscription_id, "name": name},
        ).scalar_one()


@transaction
def set_active(subscription_id: str, group_id: int) -> None:
    """Store the id of the group, and that the subscription is active."""
    _execute(
        "UPDATE subscriptions SET status = 'active',"
        " attributes = attributes || jsonb_build_object('group_id', cast(:group_id AS int))"
        " WHERE subscription_id = :id",
        id=subscription_id,
        group_id=group_id,
    )


@transaction
def resync(subscription_id: str) -> None:
    """Unlock the subscription."""
    _execute("UPDATE subscriptions SET insync = true WHERE subscription_id = :id", id=subscription_id)


@DBOS.workflow(name="create_user_group")
def create_user_group(name: str) -> str:
    """Run the six steps."""
    subscription_id = create_subscription()
    store_process_subscription(DBOS.workflow_id, subscription_id)
    initialize(subscription_id, name)
    group_id = provision(subscription_id, name)
    set_active(subscription_id, group_id)
    resync(subscription_id)
    return subscription_id
