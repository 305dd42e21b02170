"""A record of a fake can be changed behind our back, so that a validation finds a discrepancy."""

import os
from uuid import UUID, uuid4

import pytest

from services.fake_group_management import FakeGroupManagement
from settings import Endpoints
from tests.endpoints import variables
from tests.processes import Processes
from tests.starting import Program


@pytest.fixture
def tamper(endpoints: Endpoints) -> Program:
    command = ("-m", "cli.faults", "group_management", "tamper")
    return Program(os.environ | variables(endpoints), command)


async def test_a_changed_record_makes_a_discrepancy(
    worker: None, processes: Processes, groups: FakeGroupManagement, tamper: Program
) -> None:
    group_id = await processes.active_group("Here")
    ended = await tamper(str(group_id), "group_name=There")
    assert (ended.code, ended.stderr) == (0, "")
    failure = await processes.failure(await processes.start("validate_user_group", group_id))
    assert "'Here'" in failure
    assert "'There'" in failure


async def test_a_record_can_be_removed_behind_our_back(
    worker: None, processes: Processes, groups: FakeGroupManagement, tamper: Program
) -> None:
    group_id = await processes.active_group()
    assert (await tamper(str(group_id), "--remove")).code == 0
    assert await groups.find_group(group_id) is None


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([str(UUID(int=7)), "group_name=Other"], 1, "group_management has no record of"),
        ([str(UUID(int=7))], 2, "Give what to change"),
        ([str(UUID(int=7)), "group_name=Other", "--remove"], 2, "Give what to change"),
        (["7", "--remove"], 2, "is not a valid UUID"),
    ],
)
async def test_a_wrong_change_is_refused(
    tamper: Program, arguments: list[str], code: int, message: str
) -> None:
    ended = await tamper(*arguments)
    assert ended.code == code
    assert message in ended.stderr


async def test_an_unknown_attribute_is_refused(
    worker: None, processes: Processes, groups: FakeGroupManagement, tamper: Program
) -> None:
    group_id = await processes.active_group()
    ended = await tamper(str(group_id), "colour=red")
    assert ended.code == 2
    assert "'colour=red': the record has group_name" in ended.stderr
    assert (await tamper(str(uuid4()), "colour=red")).code == 1


async def test_a_system_that_is_no_fake_takes_no_faults(endpoints: Endpoints) -> None:
    scim = {"GROUP_MANAGEMENT": "services.scim:open_groups", "GROUP_MANAGEMENT_URL": "https://secret@host/v2"}
    program = Program(os.environ | variables(endpoints) | scim, ("-m", "cli.faults", "group_management"))
    ended = await program("show")
    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr == (
        "Error: GROUP_MANAGEMENT=services.scim:open_groups is no fake, and takes no faults: "
        "unset it to use the fake\n"
    )
