"""`starter.py status` shows the whole at a glance, on a database of its own."""

from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import eventually
from tests.starting import Starter


async def test_nothing_to_do_is_shown_as_zeros(starter: Starter) -> None:
    shown = (await starter("status", "--json")).document
    workers = shown.pop("workers")
    assert workers >= 1
    assert shown == {
        "running": 0, "waiting": 0, "parked": 0, "out_of_sync": 0, "reasons": [], "backlog": 0,
    }  # fmt: skip


async def test_what_is_parked_is_counted_by_its_reason(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", name="Security"))
    await groups.system.order(Fault(kind="reject", name="Operators"))
    for name in ("Security", "Operators", "Security"):
        await starter("create", "user-group", "--group-name", name, "--json")
    shown = (await starter("status", "--json")).document
    told = (await starter("status")).stdout
    assert (shown["parked"], shown["out_of_sync"], shown["running"]) == (3, 3, 0)
    assert shown["reasons"] == [
        {"reason": "group_management rejects 'Security'", "processes": 2},
        {"reason": "group_management rejects 'Operators'", "processes": 1},
    ]
    assert "2 x" in told
    assert "rejects 'Security'" in told


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
