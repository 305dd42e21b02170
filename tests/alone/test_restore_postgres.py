"""PostgreSQL is restored to an earlier moment than Temporal and the external systems."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import pytest

from cli.restored import catch_up
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from orchestrator.operations.reconcile import reconcile
from services.fake_system import Fault
from tests.alone.restoring import RESERVED, SLOW, Running, Site
from tests.endpoints import variables
from tests.processes import eventually
from tests.starting import Program

NOT_IN_THE_TRAIL = "was accepted, but is not in the trail"

pytestmark = pytest.mark.exhaustive


@pytest.fixture
async def site(postgres: str) -> AsyncIterator[Site]:
    async with Site.opened(postgres) as site:
        yield site


@dataclass
class Before:
    """What there was when PostgreSQL was backed up."""

    renamed: UUID
    ended: UUID
    held: UUID
    half: str
    idle: str
    moment: datetime


@dataclass
class After:
    """What happened after the back-up."""

    made: UUID
    parked: list[str]
    aborted: str


async def live_before(site: Site) -> Before:
    async with site.running() as at:
        renamed, ended, held = [await at.processes.active_group(name) for name in ("Before", "Ended", "Held")]
        for name in ("Half", "Idle"):
            await at.groups.order(Fault(kind="reject", name=name, times=1))
        half, idle = await at.parked("Half"), await at.parked("Idle")
        return Before(renamed, ended, held, half.id, idle.id, site.back_up_database())


async def live_after(site: Site, before: Before) -> After:
    async with site.running() as at:
        processes = at.processes
        await processes.retry(at.latest(before.half))
        await at.latest(before.half).result()
        for name in ("After", "Later"):
            await (await processes.start("modify_user_group", before.renamed, group_name=name)).result()
        await (await processes.start("terminate_user_group", before.ended)).result()
        made = await processes.active_group("Made")
        await at.groups.order(Fault(kind="reject", name=RESERVED))
        aborted = await at.parked(RESERVED)
        await aborted.cancel()
        await processes.until_closed(aborted)
        created = await at.parked(RESERVED)
        modified = await processes.start("modify_user_group", before.held, group_name=RESERVED)
        await processes.until_parked(modified, seconds=SLOW)
        return After(made, [created.id, modified.id], aborted.id)


async def names(at: Running, before: Before) -> list[str]:
    return [(await at.processes.read(one)).description for one in (before.renamed, before.held)]


async def waits(at: Running, process_id: str) -> bool | None:
    """Return whether a step of this process waits for the database to be brought up to date."""
    described = await at.latest(process_id).describe()
    failures = [one.last_failure.message for one in described.raw_description.pending_activities]
    return any("older than the process" in one for one in failures) or None


async def test_what_the_database_forgot_runs_again_in_order(site: Site) -> None:
    before = await live_before(site)
    after = await live_after(site, before)
    await site.restore_database()
    async with site.running() as at:
        there = await at.outside()
        # Lost: the database does not know what was made, and shows what was ended and renamed as before.
        assert await at.processes.find(after.made) is None
        assert (await at.processes.read(before.ended)).status is Status.ACTIVE
        assert await names(at, before) == ["User Group Before", "User Group Held"]
        # Reconcile finds only what the database shows as open.
        assert {row.process_id for row in await reconcile(at.client, at.pool)} == {before.half}

        assert await catch_up(site.endpoints, before.moment, dry_run=False) == 1  # two park again

        assert (await at.processes.read(after.made)).status is Status.ACTIVE
        assert (await at.processes.read(before.ended)).status is Status.TERMINATED
        half = await at.row(before.half)
        assert half is not None
        assert half.status is ProcessStatus.COMPLETED
        assert await at.outside() == there
        await at.groups.clear_faults()
        for process_id in (*after.parked, before.idle):
            await at.processes.retry(at.latest(process_id))
            await at.latest(process_id).result()
        idle = [event.event for event in await at.processes.events(at.latest(before.idle))]
        assert idle == ["parked", "retried"]  # it was left alone
        assert await names(at, before) == ["User Group Later", f"User Group {RESERVED}"]
        findings = await at.findings()
        lost = [one for one in findings if one.kind in {"loss", "orphan"}]
        assert [(one.about, one.what) for one in lost] == [(after.aborted, NOT_IN_THE_TRAIL)]
        contradictions = {one.what for one in findings if one.kind == "contradiction"}
        assert all("the database was restored" in one for one in contradictions)

        changes = await at.groups.changes()
        await catch_up(site.endpoints, before.moment, dry_run=False)
        assert await at.groups.changes() == changes  # nothing is done a third time


async def test_a_process_that_the_database_forgot_waits(site: Site) -> None:
    """It must not end: it could not be run again then."""
    before = await live_before(site)
    after = await live_after(site, before)
    await site.restore_database()
    async with site.running() as at:
        await at.groups.clear_faults()
        for process_id in after.parked:
            handle = at.latest(process_id)
            await at.processes.retry(handle)
            await eventually(partial(waits, at, process_id), seconds=SLOW)
        assert await catch_up(site.endpoints, before.moment, dry_run=False) == 1  # one was aborted
        for process_id in after.parked:
            await at.latest(process_id).result()
        assert await names(at, before) == ["User Group Later", f"User Group {RESERVED}"]


async def test_an_open_validation_runs_again(site: Site) -> None:
    async with site.running() as at:
        group_id = await at.processes.active_group()
        moment = site.back_up_database()
        await at.groups.order(Fault(kind="unreachable"))
        validation = await at.processes.start("validate_user_group", group_id)
        await at.processes.until_step(validation, "check_user_group")
    await site.restore_database()
    async with site.running() as at:
        await at.groups.clear_faults()
        await eventually(partial(waits, at, validation.id), seconds=SLOW)
        assert await catch_up(site.endpoints, moment, dry_run=False) == 0
        row = await at.row(validation.id)
        assert row is not None
        assert row.status is ProcessStatus.COMPLETED
        assert (await at.processes.read(group_id)).insync


async def test_what_would_be_refused_comes_later(site: Site) -> None:
    """A process that is refused has ended: it could not be run again."""
    before = await live_before(site)
    await live_after(site, before)
    await site.restore_database()
    async with site.running() as at:
        await at.groups.order(Fault(kind="reject", name="After"))
        assert await catch_up(site.endpoints, before.moment, dry_run=False) == 1
        assert (await at.processes.read(before.renamed)).held_by  # the first of two renames is parked

        await at.groups.clear_faults()
        assert await catch_up(site.endpoints, before.moment, dry_run=False) == 1  # one was aborted
        assert await names(at, before) == ["User Group Later", f"User Group {RESERVED}"]


async def test_a_dry_run_changes_nothing(site: Site) -> None:
    before = await live_before(site)
    after = await live_after(site, before)
    await site.restore_database()
    async with site.running() as at:
        restored = Program(os.environ | variables(site.endpoints), ("-m", "cli.restored"))
        ended = await restored(before.moment.isoformat(), "--dry-run")
        assert (ended.code, ended.stderr) == (0, "")
        assert ended.stdout.count("would run again") == 7
        assert f"{after.aborted}  look at it\n" in ended.stdout
        assert await at.processes.find(after.made) is None
