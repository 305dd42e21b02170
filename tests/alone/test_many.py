"""Many parked processes are retried, aborted or given up by one command, on a database of its own."""

import pytest

from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import eventually
from tests.starting import Starter


@pytest.fixture
async def starter(starter: Starter, groups: FakeGroupManagement) -> Starter:
    """Three processes are parked: two for the name Security, one for Operators."""
    await groups.system.order(Fault(kind="reject", name="Security"))
    await groups.system.order(Fault(kind="reject", name="Operators"))
    for name in ("Security", "Operators", "Security"):
        await starter("create", "user-group", "--group-name", name, "--json")
    return starter


async def parked(starter: Starter) -> int:
    number: int = (await starter("status", "--json")).document["parked"]
    return number


async def until_parked(starter: Starter, number: int) -> None:
    async def reached() -> bool | None:
        return await parked(starter) == number or None

    await eventually(reached)


async def test_those_with_a_reason_are_retried(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.clear_faults()
    ended = await starter("retry", "--because", "'Security'", "--yes", "--json")
    assert (ended.code, len(ended.document["done"]), ended.document["refused"]) == (0, 2, [])
    await until_parked(starter, 1)
    again = await starter("retry", "--because", "'Security'", "--yes", "--json")
    assert (again.code, again.document) == (0, {"done": [], "refused": []})


async def test_the_plan_is_shown_and_nothing_is_done_without_a_yes(starter: Starter) -> None:
    ended = await starter("abort", "--because", "rejects")
    assert ended.code == 2
    assert "give --yes" in ended.stderr
    assert "3 parked" in ended.stdout
    assert "group_management rejects 'Operators'" in ended.stdout
    assert await parked(starter) == 3


async def test_all_of_a_workflow_are_aborted(starter: Starter, groups: FakeGroupManagement) -> None:
    await groups.system.clear_faults()
    none = await starter("abort", "--workflow", "modify_user_group", "--yes")
    ended = await starter("abort", "--workflow", "create_user_group", "--yes", "--reason", "wrong names")
    assert (none.code, none.stdout) == (0, "Nothing is parked for such a reason\n")
    assert ended.code == 0
    assert "3 accepted, 0 refused" in ended.stderr
    await until_parked(starter, 0)


async def test_what_refuses_is_told(starter: Starter) -> None:
    ended = await starter("give-up", "--because", "'Security'", "--yes", "--json")
    assert (ended.code, ended.document["done"], len(ended.document["refused"])) == (1, [], 2)
    assert "was not aborted" in ended.document["refused"][0]["message"]


@pytest.mark.parametrize("arguments", [[], ["some-id", "--because", "rejects"], ["--yes"]])
async def test_an_id_or_a_filter_is_needed(starter: Starter, arguments: list[str]) -> None:
    ended = await starter("retry", *arguments)
    assert ended.code == 2
    assert "Give either a process id, or --because or --workflow" in ended.stderr
