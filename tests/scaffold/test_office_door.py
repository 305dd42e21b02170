"""A product with fields of every kind, which refers to two others and has no validate workflow."""

from uuid import UUID

from orchestrator.domain.process import ProcessStatus
from services.fake_system import open_fake_system
from tests.processes import Processes
from tests.scaffold.project import Project
from tests.scaffold.subscriptions import active_group, active_letter_box, ended, start_create


async def test_a_field_of_every_kind_is_stored_and_sent(project: Project, processes: Processes) -> None:
    """The door refers to a user group and to a letter box, and leaves out an optional value."""
    group, box = await active_group(processes), await active_letter_box(processes)
    values = {"label": "Front", "floor": -1, "locked": False, "colour": "green"}
    options = ["--label", "Front", "--floor", "-1", "--locked", "false", "--colour", "green"]
    created = await project.starter(
        "create", "office-door", *options, "--group", str(group), "--box", str(box), "--json"
    )
    assert created.code == 0, created.stdout
    subscription = created.document["subscription"]
    door = subscription["office_door"]
    assert values | {"remark": None} == {name: door[name] for name in (*values, "remark")}
    assert door["group"]["group_name"] == "Doorkeepers"
    assert door["box"]["owner_subscription_id"] == str(box)
    async with open_fake_system(project.database_url, "access_control") as doors:
        record = await doors.find(UUID(subscription["subscription_id"]))
    assert record is not None
    ids = {"group_id": door["group"]["group_id"], "box_id": door["box"]["letter_box_id"]}
    assert record.attributes == values | {"remark": None} | ids


async def test_a_target_without_a_workflow_is_refused(project: Project, processes: Processes) -> None:
    """A product need not have every workflow: the copy has none that validates office doors."""
    group, box = await active_group(processes), await active_letter_box(processes)
    references = {"group": str(group), "box": str(box)}
    door = await start_create(
        processes, "create_office_door", label="Back", floor=0, colour="red", **references
    )
    assert (await ended(processes, door)).status is ProcessStatus.COMPLETED
    refused = await project.starter("validate", str(processes.subscription_id(door)), "--json")
    assert (refused.code, refused.document["process_id"]) == (1, None)
    assert refused.document["error"]["type"] == "WorkflowNotValid"
