"""The worker, and the one place where settings become pools, clients, activities and a worker."""

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import Worker

from activities.subscriptions import SubscriptionActivities
from catalogue import (
    CATALOGUE,
    HasTarget,
    registered_workflows,
    startable_workflows,
    validating_workflows,
    workflow_type,
)
from external_systems import fence_with, most_connections, open_external_systems
from logs import configure_logs, core_logs
from orchestrator import traces
from orchestrator.database.connection import (
    DatabaseUnreachable,
    NoConnectionLeft,
    NotPermitted,
    Pool,
    open_pool,
)
from orchestrator.database.external_systems import store_openers
from orchestrator.database.grants import RoleNotFit, grant_to_worker
from orchestrator.database.migrate import known_versions, migrate, require_current_schema
from orchestrator.database.schema import SchemaOutOfDate
from orchestrator.operations.background import keep_running, run_with
from orchestrator.operations.bulk_activities import BulkActivities
from orchestrator.operations.clean_up_activities import CleanUpActivities
from orchestrator.operations.gauges import Gauges
from orchestrator.operations.health import WorkerChecks, health_server
from orchestrator.operations.mending_activities import MendingActivities
from orchestrator.operations.own_temporal import (
    AnotherTemporal,
    NamespaceNotFound,
    adopt_temporal,
    require_own_temporal,
)
from orchestrator.operations.reconcile import reconcile_hourly
from orchestrator.operations.start_later import StartLater, UpgradingStartLater
from orchestrator.operations.start_later_activities import StartLaterActivities
from orchestrator.operations.unknown_type import KnownTypes, UnknownType
from orchestrator.operations.validation_activities import ValidationActivities
from orchestrator.process.bookkeeping import Bookkeeping
from orchestrator.process.ledger import AtMoment, Ledger, do_nothing
from orchestrator.temporal.activity_methods import activities_of
from orchestrator.temporal.connection import TemporalUnreachable, connect
from orchestrator.temporal.deployment import InvalidVersion, advice, deployment_config
from orchestrator.temporal.executions import is_cancellation_requested, request_cancellation
from orchestrator.temporal.metrics import SILENT, AddressNotUsable, Metrics, StepInterceptor, open_runtime
from orchestrator.temporal.search_attributes import register_search_attributes
from orchestrator.temporal.task_queue import TASK_QUEUE
from program import run_program, run_service, stop_signal
from services.errors import FakeNotUsable
from services.fake_schema import create_fake_system
from settings import DEFAULT_RETENTION, ConfigurationError, Endpoints, Settings
from stack.endpoints import find_endpoints
from telemetry_settings import LogSettings, wants_traces

GRACE = timedelta(seconds=20)
"""How long running activities may take to end after the worker was told to stop."""

REFUSALS = (
    *(ConfigurationError, TemporalUnreachable, DatabaseUnreachable, InvalidVersion, AddressNotUsable),
    *(SchemaOutOfDate, NotPermitted, RoleNotFit, FakeNotUsable, AnotherTemporal, NamespaceNotFound),
)
"""Why a worker cannot start; the program prints each in one line."""

log = logging.getLogger("worker")


@asynccontextmanager
async def open_activities(
    client: Client,
    endpoints: Endpoints,
    pool: Pool,
    *,
    at_moment: AtMoment = do_nothing,
    retention_days: int = DEFAULT_RETENTION,
    metrics: Metrics = SILENT,
) -> AsyncIterator[Sequence[Callable[..., Any]]]:
    """Build every activity, on the pool of the subscriptions and one client for each external system."""
    async with open_external_systems(endpoints, metrics) as systems:
        ledger = Ledger(pool, partial(is_cancellation_requested, client), at_moment, metrics)
        startable = startable_workflows()
        activities = [
            *activities_of(Bookkeeping(ledger, partial(request_cancellation, client))),
            *activities_of(SubscriptionActivities(ledger)),
            *activities_of(ValidationActivities(pool, validating_workflows())),
            *activities_of(CleanUpActivities(pool, retention_days)),
            *activities_of(MendingActivities(client, pool, fence_with(systems))),
            *activities_of(StartLaterActivities(pool, startable)),
            *activities_of(BulkActivities(client, pool, startable)),
            *activities_of(KnownTypes([workflow_type(one) for one in registered_workflows()])),
        ]
        for entry in CATALOGUE:
            activities += activities_of(entry.activities(ledger, systems[entry.external_system]))
        yield activities


@asynccontextmanager
async def open_worker(
    client: Client,
    endpoints: Endpoints,
    *,
    pool: "Pool | None" = None,
    task_queue: str = TASK_QUEUE,
    version: WorkerDeploymentVersion | None = None,
    at_moment: AtMoment = do_nothing,
    retention_days: int = DEFAULT_RETENTION,
    metrics: Metrics = SILENT,
) -> AsyncIterator[Worker]:
    """Build the worker that runs every workflow and every activity; the caller runs it.

    Args:
        pool: connections to the database of the subscriptions, which the caller closes; `None` opens some.
        version: release that new processes are routed to and stay on; `None` for a worker without one.
        at_moment: called at each moment of each step; tests act there.
        retention_days: how long clean-up keeps what has ended, unless it is told.
    """
    async with AsyncExitStack() as stack:
        if pool is None:
            url = endpoints.database_url.get_secret_value()
            pool = await stack.enter_async_context(await open_pool(url))
        opening = open_activities(
            client, endpoints, pool, at_moment=at_moment, retention_days=retention_days, metrics=metrics
        )
        activities = await stack.enter_async_context(opening)
        yield Worker(
            client,
            task_queue=task_queue,
            workflows=[*_workflows(versioned=version is not None), UnknownType],
            activities=activities,
            # A local step that waits for its turn must not use up its time: waiting is not failing.
            max_concurrent_local_activities=pool.get_max_size(),
            graceful_shutdown_timeout=GRACE,
            deployment_config=deployment_config(version) if version else None,
            interceptors=[StepInterceptor(metrics)],
        )


def _workflows(*, versioned: bool) -> list[type[HasTarget]]:
    return [UpgradingStartLater if versioned and one is StartLater else one for one in registered_workflows()]


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
    endpoints: Endpoints, settings: Settings, *, prepare: bool, adopts_temporal: bool
) -> None:
    """Run a worker until SIGINT or SIGTERM; it finishes running activities within the grace period.

    Args:
        prepare: whether to bring the databases to the schema of this code first.
        adopts_temporal: whether to move the database to this Temporal first, whichever it belonged to.

    Raises:
        One of `REFUSALS`: when it cannot start.
    """
    stop, version, days = stop_signal(), settings.version, settings.retention_days
    runtime = open_runtime(settings.metrics_address, core_logs()) if settings.metrics_address else None
    metrics = Metrics(runtime.metric_meter) if runtime else SILENT
    client = await connect(endpoints.temporal | {"runtime": runtime})
    if prepare:
        await prepare_databases(endpoints)
    await _require_own_temporal(client, endpoints, adopts=adopts_temporal)
    await register_search_attributes(client)
    what_to_do = await advice(client, version) if version else None
    async with AsyncExitStack() as stack:
        pool = await open_pool(endpoints.database_url.get_secret_value(), size=settings.pool_size)
        await stack.enter_async_context(pool)
        opening = open_worker(
            client, endpoints, pool=pool, version=version, retention_days=days, metrics=metrics
        )
        worker = await stack.enter_async_context(opening)
        async with pool.acquire() as connection:
            await store_openers(connection, endpoints.openers)
        reconcile = partial(reconcile_hourly, client, pool, metrics)
        background = [partial(keep_running, "the reconciler", reconcile)]
        if runtime:
            gauges = Gauges(client, pool, metrics, known_versions())
            background.append(partial(keep_running, "the gauges", gauges.keep_reading))
        checks = WorkerChecks(client, pool, TASK_QUEUE, known_versions())
        await stack.enter_async_context(health_server(settings.health_address, checks))
        log.info("takes up to %d connections to PostgreSQL", most_connections(endpoints, settings.pool_size))
        log.info("ready: task queue %s, namespace %s", TASK_QUEUE, client.namespace)
        if what_to_do:
            log.warning("%s", what_to_do)
        await run_with(background, worker, stop)


async def adopt(endpoints: Endpoints) -> None:
    """Move the database to the configured Temporal, whichever it belonged to before."""
    await _require_own_temporal(await connect(endpoints.temporal), endpoints, adopts=True)


async def _require_own_temporal(client: Client, endpoints: Endpoints, *, adopts: bool) -> None:
    url = endpoints.database_url.get_secret_value()
    await require_current_schema(url)
    async with await open_pool(url, size=1) as pool:
        if adopts:
            former, own = await adopt_temporal(client, pool)
            if former != own:
                log.info("the processes of this database run in Temporal's %s; before: %s", own, former)
        await require_own_temporal(client, pool)


def main() -> int:
    """Run a worker; return the exit code."""
    arguments = _arguments()
    try:
        configure_logs(LogSettings.from_environment())
        if wants_traces():
            traces.switch_on("subscriptions-worker")
        settings = Settings.from_environment()
        endpoints = find_endpoints(settings)
        if arguments.migrate:
            asyncio.run(prepare_databases(endpoints, worker_role=arguments.grant_to))
            log.info("the databases are at the version of this code")
        elif arguments.adopt_temporal and not arguments.prepare:
            asyncio.run(adopt(endpoints))
        else:
            _run(endpoints, settings, prepare=arguments.prepare, adopts=arguments.adopt_temporal)
    except REFUSALS as error:
        print(f"worker: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepare", action="store_true", help="bring the databases to this version first")
    commands = parser.add_mutually_exclusive_group()
    commands.add_argument("--migrate", action="store_true", help="bring the databases to this version, exit")
    commands.add_argument(
        "--adopt-temporal",
        action="store_true",
        help="move the database to the configured Temporal, and exit (with --prepare: and run); "
        "open processes that this Temporal does not know are then lost, even if another still runs them",
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


def _run(endpoints: Endpoints, settings: Settings, *, prepare: bool, adopts: bool) -> None:
    running = run_until_told_to_stop(endpoints, settings, prepare=prepare, adopts_temporal=adopts)
    try:
        run_service(running)
    except NoConnectionLeft as error:
        size = settings.pool_size
        most = most_connections(endpoints, size)
        raise ConfigurationError(
            f"{error}; this worker takes up to {most} (DATABASE_POOL_SIZE={size})"
        ) from error


if __name__ == "__main__":
    run_program(main)
