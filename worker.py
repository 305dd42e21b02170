"""The worker, and the one place where settings become pools, clients, activities and a worker."""

import argparse
import asyncio
import atexit
import inspect
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from activities.subscriptions import SubscriptionActivities
from catalogue import CATALOGUE, registered_workflows, validating_workflows
from orchestrator.database.connection import DatabaseUnreachable, NotPermitted, open_pool
from orchestrator.database.grants import RoleNotFit, grant_to_worker
from orchestrator.database.migrate import migrate, require_current_schema
from orchestrator.database.schema import SchemaOutOfDate
from orchestrator.operations.active_subscriptions import ValidationActivities
from orchestrator.operations.background import keep_running
from orchestrator.operations.own_temporal import AnotherTemporal, adopt_temporal, require_own_temporal
from orchestrator.operations.reconcile import reconcile_hourly
from orchestrator.process.bookkeeping import Bookkeeping
from orchestrator.process.ledger import Ledger
from orchestrator.temporal.connection import TemporalUnreachable, connect
from orchestrator.temporal.deployment import InvalidVersion, advice, deployment_config
from orchestrator.temporal.executions import is_cancellation_requested
from orchestrator.temporal.plugin import TASK_QUEUE
from orchestrator.temporal.search_attributes import register_search_attributes
from services.fake_schema import create_fake_system
from settings import ConfigurationError, Settings
from stack.addresses import find_services

GRACE = timedelta(seconds=20)
"""How long the activities in progress may take to end when the worker is told to stop."""

REFUSALS = (
    *(ConfigurationError, TemporalUnreachable, DatabaseUnreachable, InvalidVersion),
    *(SchemaOutOfDate, NotPermitted, RoleNotFit, AnotherTemporal),
)
"""Why a worker cannot begin; each is told in one line."""

log = logging.getLogger("worker")


@asynccontextmanager
async def open_activities(client: Client, settings: Settings) -> AsyncIterator[Sequence[Callable[..., Any]]]:
    """Build every activity, on one pool and one client for each external system."""
    assert settings.database_url is not None
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(await open_pool(settings.database_url))
        ledger = Ledger(pool, partial(is_cancellation_requested, client))
        activities = [
            *_activities(Bookkeeping(ledger)),
            *_activities(SubscriptionActivities(ledger)),
            *_activities(ValidationActivities(pool, validating_workflows())),
        ]
        for entry in CATALOGUE:
            system = settings.external_system(entry.external_system)
            opened = await stack.enter_async_context(system.open(settings.database_url))
            activities += _activities(entry.activities(ledger, opened))
        yield activities


@asynccontextmanager
async def open_worker(
    client: Client, settings: Settings, *, task_queue: str = TASK_QUEUE
) -> AsyncIterator[Worker]:
    """Build the worker that runs every workflow and every activity; it is yet to be run."""
    version = settings.version
    async with open_activities(client, settings) as activities:
        yield Worker(
            client,
            task_queue=task_queue,
            workflows=registered_workflows(),
            activities=activities,
            graceful_shutdown_timeout=GRACE,
            deployment_config=deployment_config(version) if version else None,
        )


async def prepare_databases(settings: Settings, *, worker_role: str | None = None) -> None:
    """Bring the database of the subscriptions, and those of the fakes, to what this code needs.

    Args:
        worker_role: may do there what a worker needs, and nothing else; `None` leaves who may do what.
    """
    assert settings.database_url is not None
    newest = await migrate(settings.database_url)
    if worker_role is not None:
        if not newest:  # this one would take away what the newer one has given
            raise RoleNotFit("A newer release has made this schema: give the role its rights with that one")
        await grant_to_worker(settings.database_url, worker_role)
    for system in settings.external_systems:
        if system.is_fake:
            await create_fake_system(system.url or settings.database_url, system.name)


async def run_until_told_to_stop(
    settings: Settings, *, prepare: bool = False, adopts_temporal: bool = False
) -> None:
    """Run a worker until SIGINT or SIGTERM; what it has begun it ends, within the grace period.

    Args:
        prepare: whether to bring the databases to what this code needs, first.
        adopts_temporal: whether to let the database belong to this Temporal, first, whatever it was before.

    Raises:
        TemporalUnreachable, DatabaseUnreachable, SchemaOutOfDate, InvalidVersion, AnotherTemporal: when it
            cannot begin.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    assert settings.database_url is not None
    version = settings.version
    client = await connect(settings.temporal)
    if prepare:
        await prepare_databases(settings)
    await _require_own_temporal(client, settings, adopts=adopts_temporal)
    await register_search_attributes(client)
    what_to_do = await advice(client, version) if version else None
    async with open_worker(client, settings) as worker:
        running = asyncio.create_task(worker.run())
        reconciler = partial(reconcile_hourly, client, settings.database_url)
        reconciling = asyncio.create_task(keep_running("the reconciler", reconciler))
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


async def adopt(settings: Settings) -> None:
    """Let the database belong to the Temporal that is configured, whatever it belonged to before."""
    await _require_own_temporal(await connect(settings.temporal), settings, adopts=True)


async def _require_own_temporal(client: Client, settings: Settings, *, adopts: bool) -> None:
    assert settings.database_url is not None
    await require_current_schema(settings.database_url)
    async with await open_pool(settings.database_url, size=1) as pool:
        if adopts:
            former, own = await adopt_temporal(client, pool)
            log.info("the processes of this database run in Temporal's %s; before: %s", own, former)
        await require_own_temporal(client, pool)


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
    commands = parser.add_mutually_exclusive_group()
    commands.add_argument(
        "--migrate", action="store_true", help="bring the databases to this version, and end"
    )
    commands.add_argument(
        "--adopt-temporal",
        action="store_true",
        help="let the database belong to the Temporal that is configured, and end (with --prepare: and run); "
        "open processes that this Temporal does not know are lost then, even if they still run in another",
    )
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
    # A process that exits within milliseconds of its last SDK call may die at exit
    # (temporalio/sdk-python#300).
    atexit.register(time.sleep, 0.05)
    try:
        settings = find_services(Settings.from_environment())
        if arguments.migrate:
            asyncio.run(prepare_databases(settings, worker_role=arguments.grant_to))
            log.info("the databases are at the version of this code")
        elif arguments.adopt_temporal and not arguments.prepare:
            asyncio.run(adopt(settings))
        else:
            asyncio.run(
                run_until_told_to_stop(
                    settings, prepare=arguments.prepare, adopts_temporal=arguments.adopt_temporal
                )
            )
    except REFUSALS as error:
        print(f"worker: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
