"""The product that was added works like the others: its commands, its lifecycle, its failures."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from orchestrator.database.connection import Pool
from orchestrator.domain.process import ProcessStatus
from orchestrator.temporal import search_attributes
from services.fake_system import FakeSystem, Fault
from tests.processes import Handle, Processes, eventually
from tests.scaffold.project import Project
from tests.scaffold.subscriptions import active_letter_box, create_letter_box, ended
from tests.starting import Ended


@dataclass(frozen=True)
class Life:
    """The output of the commands that created, modified and terminated a letter box."""

    created: Ended
    modified: Ended
    terminated: Ended
    trail: Ended

    @property
    def subscription_id(self) -> UUID:
        return UUID(self.created.document["subscription"]["subscription_id"])


@pytest.fixture(scope="module")
async def life(project: Project) -> Life:
    values = ["--address", "ops@example.org", "--quota-mb", "500"]
    created = await project.starter("create", "letter-box", *values, "--json")
    subscription_id = created.document["subscription"]["subscription_id"]
    change = ["--address", "noc@example.org", "--version", "1"]
    return Life(
        created,
        modified=await project.starter("modify", subscription_id, *change, "--json"),
        terminated=await project.starter("terminate", subscription_id, "--yes", "--json"),
        trail=await project.starter("processes", "--subscription", subscription_id, "--json"),
    )


async def test_a_letter_box_is_created_with_its_block(life: Life) -> None:
    subscription = life.created.document["subscription"]
    assert life.created.code == 0
    assert subscription["product"] == {
        "name": "Letter Box",
        "type": "LetterBox",
        "tag": "LETTER_BOX",
        "description": "letter box administration",
    }
    letter_box_id = subscription["letter_box"]["letter_box_id"]
    assert subscription["letter_box"] == {
        "address": "ops@example.org",
        "quota_mb": 500,
        "letter_box_id": letter_box_id,
    }
    assert letter_box_id > 0
    assert (subscription["in_use_by"], subscription["depends_on"]) == ([], [])
    assert state(life.created) == ("Letter Box ops@example.org", "active", True, 1)


async def test_a_new_address_keeps_quota_and_id(life: Life) -> None:
    before, after = (
        command.document["subscription"]["letter_box"] for command in (life.created, life.modified)
    )
    assert life.modified.code == 0
    assert after == before | {"address": "noc@example.org"}
    assert state(life.modified) == ("Letter Box noc@example.org", "active", True, 2)


async def test_a_letter_box_that_is_terminated_is_gone_outside(life: Life, system: FakeSystem) -> None:
    assert life.terminated.code == 0
    assert state(life.terminated) == ("Letter Box noc@example.org", "terminated", True, 3)
    assert await system.find(life.subscription_id) is None


async def test_the_trail_lists_the_processes_of_a_letter_box(life: Life) -> None:
    assert [(row["workflow"], row["target"], row["status"]) for row in life.trail.document] == [
        ("terminate_letter_box", "TERMINATE", "completed"),
        ("modify_letter_box", "MODIFY", "completed"),
        ("create_letter_box", "CREATE", "completed"),
    ]


async def test_temporal_finds_the_process_and_shows_its_steps(life: Life, processes: Processes) -> None:
    handle: Handle = processes.client.get_workflow_handle(life.created.document["process_id"])
    found = (await handle.describe()).typed_search_attributes
    assert found[search_attributes.PRODUCT] == "Letter Box"
    assert found[search_attributes.TARGET] == "CREATE"
    assert found[search_attributes.SUBSCRIPTION_ID] == str(life.subscription_id)
    assert [step.title for step in await processes.steps(handle)] == [
        "Create subscription",
        "Create Process Subscription relation",
        "Initialize subscription",
        "Provision letter box",
        "Set subscription to 'active'",
        "Unlock subscription",
    ]
    assert 'Create letter box "ops@example.org": completed' in await processes.details(handle)


async def test_the_help_page_shows_the_options_of_the_form(project: Project) -> None:
    page = await project.starter("create", "letter-box", "--help")
    assert re.search(r"--address TEXT +Address, 1 to 255 characters", page.stdout)
    assert re.search(r"--quota-mb N +Quota mb, 1 to 1000000", page.stdout)
    assert 'starter.py create letter-box --address "Address 1" --quota-mb 1' in page.stdout


async def test_a_rejected_create_parks_and_completes_when_retried(project: Project) -> None:
    ordered = await project.faults("reject", "--name", "root@example.org", "--times", "1")
    create = ["create", "letter-box", "--address", "root@example.org", "--quota-mb", "1"]
    parked = await project.starter(*create, "--json")
    retried = await project.starter("retry", parked.document["process_id"], "--json")
    assert (ordered.code, parked.code, retried.code) == (0, 1, 0)
    assert parked.document["error"]["type"] == "RequestRejected"
    assert "letter_box_management rejects 'root@example.org'" in parked.document["error"]["message"]
    assert parked.document["subscription"]["held_by"] == parked.document["process_id"]
    assert state(retried) == ("Letter Box root@example.org", "active", True, 1)


async def test_a_quota_changes_outside_as_well(processes: Processes, system: FakeSystem) -> None:
    subscription_id = await active_letter_box(processes)
    await ended(processes, await processes.start("modify_letter_box", subscription_id, quota_mb=1_000_000))
    record = await system.find(subscription_id)
    assert record is not None
    assert record.attributes == {"address": "ops@example.org", "quota_mb": 1_000_000}


@pytest.mark.parametrize("quota_mb", [0, 1_000_001, True, 1.5, None])
async def test_a_quota_outside_its_bounds_is_refused(processes: Processes, quota_mb: object) -> None:
    handle = await create_letter_box(processes, quota_mb=quota_mb)
    assert "quota_mb" in await processes.failure(handle)
    assert await processes.row(handle) is None


async def test_the_id_of_a_letter_box_cannot_be_changed(processes: Processes) -> None:
    handle = await processes.start(
        "modify_letter_box", await active_letter_box(processes), quota_mb=1, letter_box_id=0
    )
    assert "letter_box_id cannot be changed" in await processes.failure(handle)


async def test_an_aborted_modify_restores_outside_and_inside(
    processes: Processes, system: FakeSystem, pool: Pool
) -> None:
    subscription_id = await active_letter_box(processes)
    before = await system.find(subscription_id), await stored(pool, subscription_id)
    async with unlocking_fails(pool):
        handle = await processes.start("modify_letter_box", subscription_id, address="new@example.org")
        await eventually(lambda: has(pool, subscription_id, description="Letter Box new@example.org"))
        outside = await system.find(subscription_id)
        await handle.cancel(reason="carol: wrong address")
        row = await ended(processes, handle)
    assert outside is not None
    assert outside.attributes["address"] == "new@example.org"
    assert row.status is ProcessStatus.ABORTED
    assert (await system.find(subscription_id), await stored(pool, subscription_id)) == before


async def test_an_aborted_create_leaves_no_letter_box(processes: Processes, system: FakeSystem) -> None:
    await system.order(Fault(kind="answer lost"))
    handle = await create_letter_box(processes, address="made@example.org")
    subscription_id = processes.subscription_id(handle)
    await eventually(lambda: system.find(subscription_id))
    await handle.cancel()
    await system.clear_faults()
    assert (await ended(processes, handle)).status is ProcessStatus.ABORTED
    assert await system.find(subscription_id) is None


async def test_a_terminate_that_is_aborted_too_late_completes(
    processes: Processes, system: FakeSystem, pool: Pool
) -> None:
    subscription_id = await active_letter_box(processes)
    async with unlocking_fails(pool):
        handle = await processes.start("terminate_letter_box", subscription_id)
        await eventually(lambda: has(pool, subscription_id, status="terminated"))
        await handle.cancel()
        await eventually(lambda: heeded(processes, handle))
    assert (await ended(processes, handle)).status is ProcessStatus.COMPLETED
    assert await system.find(subscription_id) is None


async def test_the_gate_refuses_a_second_process_while_one_is_parked(
    project: Project, processes: Processes, system: FakeSystem
) -> None:
    subscription_id = await active_letter_box(processes)
    await system.order(Fault(kind="reject", name="root@example.org"))
    parked = await processes.start("modify_letter_box", subscription_id, address="root@example.org")
    await processes.until_parked(parked)
    refused = await project.starter("terminate", str(subscription_id), "--yes", "--json")
    await parked.cancel()
    await ended(processes, parked)
    assert (refused.code, refused.document["error"]["type"]) == (1, "SubscriptionOutOfSync")
    assert f"held by {parked.id}" in refused.document["error"]["message"]


async def test_a_value_can_be_adopted_that_was_made_by_hand(
    project: Project, processes: Processes, system: FakeSystem
) -> None:
    subscription_id = await active_letter_box(processes)
    await system.order(Fault(kind="reject", name="hand@example.org"))
    parked = await processes.start("modify_letter_box", subscription_id, address="hand@example.org")
    await processes.until_parked(parked)
    await system.tamper(subscription_id, {"address": "hand@example.org", "quota_mb": 500})
    adopted = await project.starter("adopt", parked.id, "--json")
    assert (adopted.code, state(adopted)) == (0, ("Letter Box hand@example.org", "active", True, 2))


async def test_a_validation_finds_a_difference_outside(
    project: Project, processes: Processes, system: FakeSystem
) -> None:
    subscription_id = await active_letter_box(processes)
    await system.tamper(subscription_id, {"address": "ops@example.org", "quota_mb": 7})
    found = await project.starter("validate", str(subscription_id), "--json")
    assert (found.code, found.document["error"]["type"]) == (1, "DiscrepancyFound")
    assert (
        "quota_mb is 500 in the subscription and 7 in the letter box management system"
        in (found.document["error"]["message"])
    )


def state(command: Ended) -> tuple[Any, ...]:
    subscription = command.document["subscription"]
    return tuple(subscription[name] for name in ("description", "status", "insync", "version"))


async def stored(pool: Pool, subscription_id: UUID) -> dict[str, Any]:
    row = await pool.fetchrow(
        "SELECT description, status, insync, version, block FROM subscriptions WHERE subscription_id = $1",
        subscription_id,
    )
    assert row is not None
    return dict(row)


async def has(pool: Pool, subscription_id: UUID, **values: str) -> bool | None:
    """Return whether the subscription has these values; `None` means not yet."""
    return values.items() <= (await stored(pool, subscription_id)).items() or None


async def heeded(processes: Processes, handle: Handle) -> bool | None:
    """Return whether the process has noticed the abort; `None` means not yet."""
    return "abort requested" in {event.event for event in await processes.events(handle)} or None


@asynccontextmanager
async def unlocking_fails(pool: Pool) -> AsyncIterator[None]:
    """Hold every process before its last step; release it at the end."""
    await pool.execute("ALTER TABLE process_steps ADD CONSTRAINT stuck CHECK (step <> 'resync') NOT VALID")
    try:
        yield
    finally:
        await pool.execute("ALTER TABLE process_steps DROP CONSTRAINT stuck")
