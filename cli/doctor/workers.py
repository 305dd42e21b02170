"""Checks of what does the work: workers, their versions, the backlog, external systems, schedules."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from temporalio.common import WorkerDeploymentVersion

from cli.doctor.finding import Check, Finding, failed, ok, warning
from cli.doctor.site import Site
from orchestrator.database.connection import DatabaseUnreachable
from orchestrator.database.external_systems import read_opener
from orchestrator.operations.schedules import Regular, RegularSchedule, read_schedule
from orchestrator.temporal.deployment import making_current
from orchestrator.temporal.executions import find_execution
from orchestrator.temporal.task_queue import TASK_QUEUE, TYPES, Poller, Queue, read_queue
from settings import ConfigurationError

ASKS_WITHIN = timedelta(seconds=90)
"""A worker asks at least once a minute; one that was killed stays listed for some minutes."""

WAITS_LONG = timedelta(seconds=60)
"""How long a task waits for a worker before there is a warning."""


async def check_workers(site: Site) -> Finding:
    """Return whether workers ask for work."""
    queue = await read_queue(site.service)
    return judge_workers(queue.pollers, datetime.now(UTC), site.starting)


def judge_workers(pollers: Sequence[Poller], now: datetime, starting: str) -> Finding:
    """Return whether these workers ask for work.

    Args:
        starting: the command that starts a worker.
    """
    alive = [one for one in pollers if now - one.asked_at < ASKS_WITHIN]
    if not alive:
        last = max((one.asked_at for one in pollers), default=None)
        ago = f"; the last one asked {(now - last).total_seconds():.0f} s ago" if last else ""
        return failed(f"none asks for work on the task queue {TASK_QUEUE}{ago}", starting)
    if missing := set(TYPES.values()) - {one.asks_for for one in alive}:
        return failed(f"none asks for {missing.pop()} on the task queue {TASK_QUEUE}", starting)
    names = sorted({one.identity for one in alive})
    return ok(f"{len(names)} on the task queue {TASK_QUEUE}: {', '.join(names)}")


async def check_versions(site: Site) -> Finding:
    """Return whether the version that gets new processes has workers."""
    return judge_versions(await read_queue(site.service), site.starting)


def judge_versions(queue: Queue, starting: str) -> Finding:
    """Return whether the version that gets new processes has workers."""
    running = list(dict.fromkeys(poller.version for poller in queue.pollers if poller.version is not None))
    names = ", ".join(version.build_id for version in running)
    for way, version in (("current", queue.current), ("ramping", queue.ramping)):
        if version is not None and version not in running:
            return failed(
                f"version {version.build_id} is {way}, but none of its workers runs "
                f"(versions that run: {names or 'none'})",
                f"{_settings_of(version)} {starting}, or {making_current(running[-1])}"
                if running
                else f"{_settings_of(version)} {starting}",
            )
    if queue.current is not None:
        return ok(f"current: {queue.current.build_id}; with workers: {names}")
    if running and all(poller.version is not None for poller in queue.pollers):
        return failed(
            f"no version is current, so no process runs; with workers: {names}", making_current(running[-1])
        )
    return ok("the workers have no version")


def _settings_of(version: WorkerDeploymentVersion) -> str:
    return f"TEMPORAL_DEPLOYMENT_NAME={version.deployment_name} TEMPORAL_WORKER_BUILD_ID={version.build_id}"


async def check_backlog(site: Site) -> Finding:
    """Return whether tasks wait long for a worker."""
    return judge_backlog(await read_queue(site.service), site.starting)


def judge_backlog(queue: Queue, starting: str) -> Finding:
    """Return whether tasks wait long for a worker."""
    if queue.backlog == 0:
        return ok("no task waits for a worker")
    seconds = queue.oldest.total_seconds()
    fact = f"{queue.backlog} tasks wait for a worker, the oldest for {seconds:.0f} s"
    return warning(fact, f"run more workers: {starting}") if queue.oldest > WAITS_LONG else ok(fact)


def check_external_system(name: str) -> Check:
    """Return the check whether the workers use the same external system as the starter, and it opens."""

    async def check(site: Site) -> Finding:
        system, variable = site.endpoints.external_system(name), name.upper()
        async with site.pool.acquire() as connection:
            used = await read_opener(connection, name)
        if used is not None and used != system.opened_by:
            return failed(
                f"the workers open it with {used}, the starter with {system.opened_by}",
                f"set {variable} and {variable}_URL as they are set for the workers",
            )
        try:
            async with asyncio.timeout(10), system.open(site.endpoints.url_of(system)):
                pass
        except Exception as error:  # noqa: BLE001  # whatever the function of the user raises
            # Another error may quote the URL, which may hold a password.
            told = isinstance(error, (ConfigurationError, DatabaseUnreachable))
            reason = str(error) if told else type(error).__name__
            return failed(f"cannot be opened: {reason}", f"check {variable} and {variable}_URL")
        opened = "the fake" if system.is_fake else system.opened_by
        if used is None:
            return warning(f"{opened} opens; no worker has started yet", site.starting)
        return ok(f"{opened} opens; the workers use the same")

    return check


def check_schedule(regular: Regular, command: str) -> Check:
    """Return the check whether what is to run regularly does.

    Args:
        command: the word for it after `starter.py schedule`.
    """

    async def check(site: Site) -> Finding:
        schedule = await read_schedule(site.service.client, regular)
        last = schedule.last_process_id
        execution = None if last is None else await find_execution(site.service, last)
        return judge_schedule(regular, command, schedule, execution.closed_as if execution else None)

    return check


def judge_schedule(regular: Regular, command: str, schedule: RegularSchedule, ended: str | None) -> Finding:
    """Return whether this schedule runs, and how its last run ended.

    Args:
        ended: how the last run closed in Temporal; `None` if it is open, or there is none.
    """
    if not schedule.scheduled:
        return warning("not scheduled", f"starter.py schedule {command} --every 1d")
    if schedule.paused:
        return warning(
            "paused in Temporal", f"temporal schedule toggle --unpause --schedule-id {regular.schedule_id}"
        )
    last = f"{schedule.last_at:%Y-%m-%d %H:%M}" if schedule.last_at else "never"
    fact = f"every {schedule.every}, last run: {last}"
    if ended not in {None, "completed"}:
        return warning(f"{fact}; it ended {ended}", f"starter.py process {schedule.last_process_id}")
    return ok(fact)
