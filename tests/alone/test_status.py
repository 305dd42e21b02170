"""`starter.py status` shows the whole at a glance, on a database of its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import eventually
from tests.starting import Starter


async def test_nothing_to_do_is_shown_as_zeros(starter: Starter) -> None:
    shown = (await starter("status", "--json")).document
    workers = shown.pop("workers")
    assert workers >= 1
    assert shown == {
        "scheduled": 0, "running": 0, "waiting": 0, "parked": 0, "out_of_sync": 0, "discrepancies": 0,
        "reasons": [], "backlog": 0,
    }  # fmt: skip


async def test_what_is_parked_is_counted_by_its_reason(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", name="Security"))
    await groups.system.order(Fault(kind="reject", name="Operators"))
    for name in ("Security", "Operators"):
        await starter("create", "user-group", "--group-name", name, "--json")
    shown = (await starter("status", "--json")).document
    told = (await starter("status")).stdout
    assert (shown["parked"], shown["out_of_sync"], shown["running"]) == (2, 2, 0)
    assert shown["reasons"] == [
        {"reason": "group_management rejects 'Operators'", "processes": 1},
        {"reason": "group_management rejects 'Security'", "processes": 1},
    ]
    assert "1 x  group_management rejects 'Operators'\n" in told
    assert "1 x  group_management rejects 'Security'\n" in told


async def test_what_waits_is_counted_apart_from_what_runs(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="unreachable"))
    created = await starter("create", "user-group", "--group-name", "ops", "--no-wait")
    await eventually(lambda: waits(starter))
    shown = (await starter("status", "--json")).document
    await groups.system.clear_faults()
    assert (shown["waiting"], shown["running"]) == (1, 0)
    assert (await starter("process", created.stdout.strip(), "--follow")).code == 0


async def waits(starter: Starter) -> bool | None:
    return (await starter("status", "--json")).document["waiting"] == 1 or None


async def test_what_waits_is_listed_with_its_next_attempt(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="unreachable"))
    created = (await starter("create", "user-group", "--group-name", "ops", "--no-wait")).stdout.strip()
    listed = await eventually(lambda: retried_later(starter))
    table = await starter("processes", "--status", "waiting")
    shown = await eventually(lambda: shown_with_next_attempt(starter, created))
    elsewhere = await starter("processes", "--status", "waiting", "--subscription", NOBODY, "--json")
    await groups.system.clear_faults()
    assert (await starter("process", created, "--follow")).code == 0
    await eventually(lambda: nothing_waits(starter))
    step = listed["steps"][-1]
    assert (listed["process_id"], listed["status"]) == (created, "running")
    assert (step["name"], step["attempts"] >= 3) == ("provision_user_group", True)
    assert "group_management cannot be reached" in step["failure"]
    assert datetime.fromisoformat(step["next_attempt_at"]) > datetime.fromisoformat(step["started_at"])
    assert created in table.stdout
    assert "Provision user group: group_management cannot be reached" in table.stdout
    assert "group_management cannot be reached; next attempt: " in shown
    assert elsewhere.document == []


NOBODY = "00000000-0000-0000-0000-000000000007"


async def retried_later(starter: Starter) -> dict[str, Any] | None:
    """Return the process that waits for its next attempt, once it is listed."""
    found: list[dict[str, Any]] = (await starter("processes", "--status", "waiting", "--json")).document
    return next((one for one in found if one["steps"][-1]["next_attempt_at"] is not None), None)


async def shown_with_next_attempt(starter: Starter, process_id: str) -> str | None:
    """Return how the process is shown between two attempts."""
    shown = (await starter("process", process_id)).stdout
    return shown if "next attempt" in shown else None


async def nothing_waits(starter: Starter) -> bool | None:
    return (await starter("processes", "--status", "waiting", "--json")).document == [] or None


async def test_discrepancies_are_counted_apart_from_what_is_held(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    made = [
        (await starter("create", "user-group", "--group-name", name, "--json")).document["subscription"]
        for name in ("Support", "Sales")
    ]
    await groups.rename_group(UUID(made[0]["subscription_id"]), "Somebody else", token=1000)
    await starter("validate", made[0]["subscription_id"])
    await groups.system.order(Fault(kind="reject"))
    await starter("modify", made[1]["subscription_id"], "--group-name", "Security")
    shown = (await starter("status", "--json")).document
    assert (shown["out_of_sync"], shown["discrepancies"], shown["parked"]) == (2, 1, 1)
