"""Temporal is restored to an earlier moment; PostgreSQL too, or not. The external systems are newer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pytest
from temporalio.exceptions import ApplicationError

from cli.restored import catch_up
from orchestrator.operations.reconcile import reconcile
from orchestrator.temporal.executions import find_execution
from orchestrator.temporal.task_queue import TASK_QUEUE
from services.fake_system import Fault
from tests.alone.restoring import RESERVED, Running, Site
from tests.mending import unlock

pytestmark = pytest.mark.exhaustive

UNKNOWN = "was accepted, but Temporal does not know it"


@pytest.fixture
async def site(postgres: str) -> AsyncIterator[Site]:
    async with Site.opened(postgres) as site:
        yield site


@dataclass
class Before:
    """What there was when Temporal was backed up."""

    renamed: UUID
    ended: UUID
    half: str
    waiting: str
    moment: datetime


@dataclass
class After:
    """What happened after the back-up."""

    made: str
    completed: list[str]
    created: str


async def live_before(site: Site) -> Before:
    async with site.running() as at:
        renamed, ended = [await at.processes.active_group(name) for name in ("Before", "Ended")]
        await at.groups.order(Fault(kind="reject", name="Half", times=1))
        half = await at.parked("Half")
        await at.groups.order(Fault(kind="unreachable"))
        waiting = await at.processes.create_user_group("Waiting")
        await at.processes.until_step(waiting, "provision_user_group")
        moment = site.back_up_database()
    await site.back_up_temporal()
    return Before(renamed, ended, half.id, waiting.id, moment)


async def live_after(site: Site, before: Before) -> After:
    async with site.running() as at:
        processes = at.processes
        await at.groups.clear_faults()
        await processes.retry(at.latest(before.half))
        await at.latest(before.half).result()
        await at.latest(before.waiting).result()
        renaming = await processes.start("modify_user_group", before.renamed, group_name="After")
        await renaming.result()
        ending = await processes.start("terminate_user_group", before.ended)
        await ending.result()
        made = await processes.create_user_group("Made")
        await made.result()
        await at.groups.order(Fault(kind="reject", name=RESERVED))
        created = await at.parked(RESERVED)
        return After(made.id, [renaming.id, ending.id, made.id], created.id)


async def validate(at: Running, subscription_id: UUID) -> str:
    """Validate a subscription; return what was found."""
    return await at.processes.failure(await at.processes.start("validate_user_group", subscription_id))


async def test_temporal_that_is_older_does_nothing_twice(site: Site) -> None:
    before = await live_before(site)
    after = await live_after(site, before)
    await site.restore_temporal()
    async with site.running() as at:
        changes = await at.groups.changes()
        # It goes on with what it knows as open: the ledger answers for what was done.
        await at.latest(before.waiting).result()
        await at.processes.retry(at.latest(before.half))
        await at.latest(before.half).result()
        # It does not know what began since; what is in the trail as ended needs nothing.
        for process_id in after.completed:
            assert await find_execution(at.client, process_id) is None
        # A process id is not used a second time.
        with pytest.raises(Exception, match="failed") as again:
            await at.client.execute_workflow(
                "create_user_group", {"group_name": "Twice"}, id=after.made, task_queue=TASK_QUEUE
            )
        assert isinstance(again.value.__cause__, ApplicationError)
        assert again.value.__cause__.type == "ProcessAlreadyExists"
        # What was open is lost, and reconcile finds it.
        assert {row.process_id for row in await reconcile(at.client, at.pool)} == {after.created}
        subscription_id = at.processes.subscription_id(at.latest(after.created))
        await unlock(at.processes, at.systems, subscription_id)
        await (await at.processes.start("terminate_user_group", subscription_id)).result()

        assert [one for one in await at.groups.changes() if one not in changes] == []  # nothing outside
        made = at.processes.subscription_id(at.latest(after.made))
        assert (await at.processes.read(made)).insync
        findings = await at.findings(without=[*after.completed, after.created])
        known = {*after.completed, after.created, str(subscription_id)}
        assert [one for one in findings if one.about not in known] == []


async def test_both_at_one_moment_leave_the_outside_newer(site: Site) -> None:
    before = await live_before(site)
    after = await live_after(site, before)
    await site.restore_temporal()
    await site.restore_database()
    async with site.running() as at:
        await at.groups.clear_faults()
        await at.latest(before.waiting).result()
        assert await reconcile(at.client, at.pool) == []  # both agree
        # Validation finds what was changed and removed since.
        assert "After" in await validate(at, before.renamed)
        assert await validate(at, before.ended)
        # Nobody but the external system knows what was made.
        made = at.processes.subscription_id(at.latest(after.made))
        assert await at.processes.find(made) is None
        assert (await at.outside())[made] == "Made"

        # The tokens are raised, so the external system takes calls again.
        assert await catch_up(site.endpoints, before.moment, dry_run=False) == 0
        for subscription_id in (before.renamed, before.ended):
            await unlock(at.processes, at.systems, subscription_id)
        await (await at.processes.start("modify_user_group", before.renamed, group_name="After")).result()
        await (await at.processes.start("terminate_user_group", before.ended)).result()
        await at.processes.retry(at.latest(before.half))
        await at.latest(before.half).result()
        findings = await at.findings(without=[*after.completed, after.created])
        assert [one.about for one in findings if one.kind == "orphan"] == [str(made)]
        assert [one for one in findings if one.kind == "loss" and one.about != str(before.ended)] == []
