"""The worker, and the one place where settings become pools, clients, activities and a worker."""

import argparse
import asyncio
import inspect
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.subscriptions import SubscriptionActivities
from catalogue import CATALOGUE, registered_workflows, validating_workflows
from orchestrator.database.connection import DatabaseUnreachable, NotPermitted, open_pool
from orchestrator.database.grants import RoleNotFit, grant_to_worker
from orchestrator.database.migrate import migrate, require_current_schema
from orchestrator.database.schema import SchemaOutOfDate
from orchestrator.operations.active_subscriptions import ValidationActivities
from orchestrator.operations.reconcile import reconcile
from orchestrator.process.bookkeeping import Bookkeeping
from orchestrator.process.ledger import Ledger
from orchestrator.temporal.connection import TemporalUnreachable, connect
from orchestrator.temporal.deployment import InvalidVersion, advice, deployment_config
from orchestrator.temporal.executions import is_cancellation_requested
from orchestrator.temporal.plugin import TASK_QUEUE
from orchestrator.temporal.search_attributes import register_search_attributes
from program import run_program
from services.fake_schema import create_fake_system
from settings import ConfigurationError, Endpoints, Settings
from stack.endpoints import find_endpoints

GRACE = timedelta(seconds=20)
"""How long the activities in progress may take to end when the worker is told to stop."""

REFUSALS = (
    *(ConfigurationError, TemporalUnreachable, DatabaseUnreachable, InvalidVersion),
    *(SchemaOutOfDate, NotPermitted, RoleNotFit),
)
"""Why a worker cannot begin; each is told in one line."""

log = logging.getLogger("worker")


@asynccontextmanager
async def open_activities(
    client: Client, endpoints: Endpoints
) -> AsyncIterator[Sequence[Callable[..., Any]]]:
    """Build every activity, on one pool and one client for each external system."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(await open_pool(endpoints.database_url.get_secret_value()))
        ledger = Ledger(pool, partial(is_cancellation_requested, client))
        activities = [
            *_activities(Bookkeeping(ledger)),
            *_activities(SubscriptionActivities(ledger)),
            *_activities(ValidationActivities(pool, validating_workflows())),
        ]
        for entry in CATALOGUE:
            system = endpoints.external_system(entry.external_system)
            opened = await stack.enter_async_context(system.open(endpoints.url_of(system)))
            activities += _activities(entry.activities(ledger, opened))
        yield activities


@asynccontextmanager
async def open_worker(
    client: Client,
    endpoints: Endpoints,
    *,
    task_queue: str = TASK_QUEUE,
    version: WorkerDeploymentVersion | None = None,
) -> AsyncIterator[Worker]:
    """Build the worker that runs every workflow and every activity; it is yet to be run.

    Args:
        version: release that new processes are routed to and stay on; `None` for a worker without one.
    """
    async with open_activities(client, endpoints) as activities:
        yield Worker(
            client,
            task_queue=task_queue,
            workflows=registered_workflows(),
            activities=activities,
            graceful_shutdown_timeout=GRACE,
            deployment_config=deployment_config(version) if version else None,
        )


async def prepare_databases(endpoints: Endpoints, *, worker_role: str | None = None) -> None:
    """Bring the database of the subscriptions, and those of the fakes, to what this code needs.

    Args:
        worker_role: may do there what a worker needs, and nothing else; `None` leaves who may do what.
    """
    database_url = endpoints.database_url.get_secret_value()
    newest = await migrate(database_url)
    if worker_role is not None:
        if not newest:  # this one would take away what the newer one has given
            raise RoleNotFit("A newer release has made this schema: give the role its rights with that one")
        await grant_to_worker(database_url, worker_role)
    for system in endpoints.external_systems:
        if system.is_fake:
            await create_fake_system(endpoints.url_of(system), system.name)


async def run_until_told_to_stop(
    endpoints: Endpoints, version: WorkerDeploymentVersion | None, *, prepare: bool = False
) -> None:
    """Run a worker until SIGINT or SIGTERM; what it has begun it ends, within the grace period.

    Args:
        version: see `open_worker`.
        prepare: whether to bring the databases to what this code needs, first.

    Raises:
        TemporalUnreachable, DatabaseUnreachable, SchemaOutOfDate, InvalidVersion: when it cannot begin.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = await connect(endpoints.temporal)
    if prepare:
        await prepare_databases(endpoints)
    await require_current_schema(endpoints.database_url.get_secret_value())
    await register_search_attributes(client)
    what_to_do = await advice(client, version) if version else None
    async with open_worker(client, endpoints, version=version) as worker:
        running = asyncio.create_task(worker.run())
        reconciling = asyncio.create_task(reconcile_hourly(client, endpoints))
        log.info("ready: task queue %s, namespace %s", TASK_QUEUE, client.namespace)
        if what_to_do:
            log.warning("%s", what_to_do)
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping")
        reconciling.cancel()
        if not running.done():
            await worker.shutdown()
        await running


async def reconcile_hourly(client: Client, endpoints: Endpoints) -> None:
    """Look for lost processes, now and every hour; a time when nobody answers is passed over."""
    async with await open_pool(endpoints.database_url.get_secret_value(), size=1) as pool:
        while True:
            try:
                for lost in await reconcile(client, pool):
                    log.warning("process %s is lost: set its subscription in sync", lost.process_id)
            except (RPCError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("cannot reconcile now: %s", error)
            await asyncio.sleep(timedelta(hours=1).total_seconds())


def _activities(owner: object) -> list[Callable[..., Any]]:
    # The mark that @activity.defn leaves; the SDK has no public way to list the activities of a class.
    return [
        method
        for _, method in inspect.getmembers(owner, inspect.ismethod)
        if hasattr(method, "__temporal_activity_definition")
    ]


def main() -> int:
    """Run a worker; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepare", action="store_true", help="bring the databases to this version first")
    parser.add_argument("--migrate", action="store_true", help="bring the databases to this version, and end")
    parser.add_argument(
        "--grant-to",
        metavar="ROLE",
        help="with --migrate: let this role of PostgreSQL do a worker's work, only",
    )
    arguments = parser.parse_args()
    if arguments.grant_to is not None and not arguments.migrate:
        parser.error("--grant-to belongs to --migrate: the rights are given again after each migration")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)  # of use to its developers
    try:
        settings = Settings.from_environment()
        endpoints = find_endpoints(settings)
        if arguments.migrate:
            asyncio.run(prepare_databases(endpoints, worker_role=arguments.grant_to))
            log.info("the databases are at the version of this code")
        else:
            asyncio.run(run_until_told_to_stop(endpoints, settings.version, prepare=arguments.prepare))
    except REFUSALS as error:
        print(f"worker: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run_program(main)
