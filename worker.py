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
from orchestrator.database.connection import (
    DatabaseUnreachable,
    NoConnectionLeft,
    NotPermitted,
    Pool,
    open_pool,
)
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
from services.errors import FakeNotUsable
from services.fake_pool import FAKES_POOL_SIZE
from services.fake_schema import create_fake_system
from settings import ConfigurationError, Endpoints, Settings
from stack.endpoints import find_endpoints

GRACE = timedelta(seconds=20)
"""How long running activities may take to end after the worker was told to stop."""

REFUSALS = (
    *(ConfigurationError, TemporalUnreachable, DatabaseUnreachable, InvalidVersion),
    *(SchemaOutOfDate, NotPermitted, RoleNotFit, FakeNotUsable),
)
"""Why a worker cannot start; the program prints each in one line."""

log = logging.getLogger("worker")


@asynccontextmanager
async def open_activities(
    client: Client, endpoints: Endpoints, pool: Pool
) -> AsyncIterator[Sequence[Callable[..., Any]]]:
    """Build every activity, on the pool of the subscriptions and one client for each external system."""
    async with open_external_systems(endpoints) as systems:
        ledger = Ledger(pool, partial(is_cancellation_requested, client))
        activities = [
            *_activities(Bookkeeping(ledger)),
            *_activities(SubscriptionActivities(ledger)),
            *_activities(ValidationActivities(pool, validating_workflows())),
        ]
        for entry in CATALOGUE:
            activities += _activities(entry.activities(ledger, systems[entry.external_system]))
        yield activities


@asynccontextmanager
async def open_external_systems(endpoints: Endpoints) -> AsyncIterator[dict[str, Any]]:
    """Open a client of every external system, by name; fakes at one URL share a small pool."""
    async with AsyncExitStack() as stack:
        pools, systems = {}, {}
        for url in _urls_of_fakes(endpoints):
            pools[url] = await stack.enter_async_context(await open_pool(url, size=FAKES_POOL_SIZE))
        for system in endpoints.external_systems:
            url = endpoints.url_of(system)
            opened = system.open(pools[url] if system.is_fake else url)
            systems[system.name] = await stack.enter_async_context(opened)
        yield systems


def _urls_of_fakes(endpoints: Endpoints) -> set[str]:
    return {endpoints.url_of(system) for system in endpoints.external_systems if system.is_fake}


def most_connections(endpoints: Endpoints, pool_size: int) -> int:
    """Return how many connections to PostgreSQL a worker takes at most.

    The steps and the reconciler share one pool. All fakes at one URL share another, so that a slow external
    system keeps no connection from the steps; real external systems take none. While it starts, before it
    opens these pools, a worker takes one at a time.
    """
    return pool_size + FAKES_POOL_SIZE * len(_urls_of_fakes(endpoints))


@asynccontextmanager
async def open_worker(
    client: Client,
    endpoints: Endpoints,
    *,
    pool: "Pool | None" = None,
    task_queue: str = TASK_QUEUE,
    version: WorkerDeploymentVersion | None = None,
) -> AsyncIterator[Worker]:
    """Build the worker that runs every workflow and every activity; it is yet to be run.

    Args:
        pool: connections to the database of the subscriptions, which the caller closes; `None` opens some.
        version: release that new processes are routed to and stay on; `None` for a worker without one.
    """
    async with AsyncExitStack() as stack:
        if pool is None:
            url = endpoints.database_url.get_secret_value()
            pool = await stack.enter_async_context(await open_pool(url))
        activities = await stack.enter_async_context(open_activities(client, endpoints, pool))
        yield Worker(
            client,
            task_queue=task_queue,
            workflows=registered_workflows(),
            activities=activities,
            graceful_shutdown_timeout=GRACE,
            deployment_config=deployment_config(version) if version else None,
        )


async def prepare_databases(endpoints: Endpoints, *, worker_role: str | None = None) -> None:
    """Bring the databases of the subscriptions and of the fakes to the schema of this code.

    Args:
        worker_role: role that gets the rights of a worker and no others; `None` changes no rights.
    """
    database_url = endpoints.database_url.get_secret_value()
    newest = await migrate(database_url)
    if worker_role is not None:
        if not newest:  # this release would take away rights that the newer one has granted
            raise RoleNotFit("A newer release has made this schema: give the role its rights with that one")
        await grant_to_worker(database_url, worker_role)
    for system in endpoints.external_systems:
        if system.is_fake:
            await create_fake_system(endpoints.url_of(system), system.name)


async def run_until_told_to_stop(
    endpoints: Endpoints, *, pool_size: int, version: WorkerDeploymentVersion | None, prepare: bool
) -> None:
    """Run a worker until SIGINT or SIGTERM; it finishes running activities within the grace period.

    Args:
        pool_size: connections to the database of the subscriptions at most.
        version: see `open_worker`.
        prepare: whether to bring the databases to the schema of this code first.

    Raises:
        TemporalUnreachable, DatabaseUnreachable, SchemaOutOfDate, InvalidVersion: when it cannot start.
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
    async with (
        await open_pool(endpoints.database_url.get_secret_value(), size=pool_size) as pool,
        open_worker(client, endpoints, pool=pool, version=version) as worker,
    ):
        running = asyncio.create_task(worker.run())
        reconciling = asyncio.create_task(reconcile_hourly(client, pool))
        log.info("takes up to %d connections to PostgreSQL", most_connections(endpoints, pool_size))
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


async def reconcile_hourly(client: Client, pool: Pool) -> None:
    """Look for lost processes now and every hour; skip a turn if a service does not answer."""
    while True:
        try:
            for lost in await reconcile(client, pool):
                log.warning("process %s is lost: set its subscription in sync", lost.process_id)
        except (RPCError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("cannot reconcile now: %s", error)
        await asyncio.sleep(timedelta(hours=1).total_seconds())


def _activities(owner: object) -> list[Callable[..., Any]]:
    # @activity.defn leaves this mark; the SDK has no public way to list the activities of a class.
    return [
        method
        for _, method in inspect.getmembers(owner, inspect.ismethod)
        if hasattr(method, "__temporal_activity_definition")
    ]


def main() -> int:
    """Run a worker; return the exit code."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)  # of use to its developers
    try:
        settings = Settings.from_environment()
        endpoints = find_endpoints(settings)
        if arguments.migrate:
            asyncio.run(prepare_databases(endpoints, worker_role=arguments.grant_to))
            log.info("the databases are at the version of this code")
        else:
            _run(endpoints, settings, prepare=arguments.prepare)
    except REFUSALS as error:
        print(f"worker: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepare", action="store_true", help="bring the databases to this version first")
    parser.add_argument(
        "--migrate", action="store_true", help="bring the databases to this version, and exit"
    )
    parser.add_argument(
        "--grant-to",
        metavar="ROLE",
        help="with --migrate: give this role of PostgreSQL the rights of a worker, and no others",
    )
    arguments = parser.parse_args()
    if arguments.grant_to is not None and not arguments.migrate:
        parser.error("--grant-to belongs to --migrate: the rights are given again after each migration")
    return arguments


def _run(endpoints: Endpoints, settings: Settings, *, prepare: bool) -> None:
    size = settings.pool_size
    running = run_until_told_to_stop(endpoints, pool_size=size, version=settings.version, prepare=prepare)
    try:
        asyncio.run(running)
    except NoConnectionLeft as error:
        most = most_connections(endpoints, size)
        raise ConfigurationError(
            f"{error}; this worker takes up to {most} (DATABASE_POOL_SIZE={size})"
        ) from error


if __name__ == "__main__":
    run_program(main)
