"""Everything that the operations page says can be started from the form *Start Workflow*, can."""

import json
from uuid import uuid4

import pytest
from playwright.async_api import expect

from catalogue import registered_workflows, workflow_type
from orchestrator.database.connection import Pool
from settings import ROOT
from tests.bulks import store_bulk
from tests.docs.pages import code, section, tables
from tests.processes import Processes
from tests.ui.web_ui import Values, WebUI

pytestmark = pytest.mark.ui

[EXAMPLES] = tables(section(ROOT / "docs" / "operations.md", "Work in the Web UI"))
INPUTS = {workflow: json.loads(code(form)[0]) for types, form in EXAMPLES for workflow in code(types)}
"""What the operations page says to type, by workflow type."""

SAYS = {
    "apply_rows": "completed",
    "clean_up": "Of what ended before",
    "reconcile": "Nothing is lost",
    "set_in_sync": "is in sync, version",
    "validate_subscriptions": "in sync",
}
"""What the page of each workflow that is no process on one subscription says at its end."""

WRONG_JSON = '{"group_name": "Network operators"'


async def with_ids(workflow: str, processes: Processes, pool: Pool) -> Values:
    """Return the documented input, with ids of what exists in place of its dots."""
    group = await processes.active_group(f"Group of {workflow}")
    form = dict(INPUTS[workflow])
    if workflow == "create_user":
        return form | {"group": str(group), "username": f"user-{uuid4()}"}
    if workflow == "apply_rows":
        return {"bulk_id": str(await store_bulk(pool, 1))}
    if workflow == "modify_user_group":
        form["group_name"] = f"Renamed {group}"
    subject = group
    if workflow.endswith("_user") or workflow == "start_later":
        subject = await processes.active_user(group, f"user-{uuid4()}")
    if "subscription_id" in form:
        form["subscription_id"] = str(subject)
    if "input" in form:
        form["input"] = {"subscription_id": str(subject)}
    return form


def test_the_operations_page_has_an_input_for_every_workflow() -> None:
    assert set(INPUTS) == {workflow_type(one) for one in registered_workflows()}


@pytest.mark.parametrize("workflow", sorted(set(INPUTS) - {"start_later"}))
async def test_a_workflow_starts_and_completes(
    workflow: str, web_ui: WebUI, processes: Processes, pool: Pool
) -> None:
    process_id = f"{workflow}-{uuid4()}"
    await web_ui.start(workflow, process_id, await with_ids(workflow, processes, pool))
    page = await web_ui.process_page(process_id)
    await expect(web_ui.status).to_have_text("Completed")
    await expect(page).to_contain_text(SAYS.get(workflow, ": completed"))


async def test_a_scheduled_start_waits_and_says_for_when(
    web_ui: WebUI, processes: Processes, pool: Pool
) -> None:
    process_id = f"later-{uuid4()}"
    await web_ui.start("start_later", process_id, await with_ids("start_later", processes, pool))
    await expect(await web_ui.process_page(process_id)).to_contain_text("2027-01-01")
    await web_ui.update(process_id, "move", {"at": "2027-02-01", "by": "alice"})
    await expect(await web_ui.process_page(process_id)).to_contain_text("2027-02-01")
    await web_ui.cancel(process_id)
    await expect(web_ui.status).to_have_text("Canceled")


async def test_text_that_is_no_json_cannot_be_sent(web_ui: WebUI) -> None:
    await expect(await web_ui.fill_start_form("create_user_group", "x", WRONG_JSON)).to_be_disabled()


async def test_an_input_that_does_not_fit_says_why(web_ui: WebUI) -> None:
    process_id = f"wrong-{uuid4()}"
    await web_ui.start("create_user_group", process_id, {"group_nam": "Support"})
    failure = await web_ui.failure(process_id)
    await expect(failure).to_contain_text("Invalid CreateUserGroupForm: group_name is missing")


async def test_a_mistyped_type_ends_with_the_list_of_types(web_ui: WebUI) -> None:
    process_id = f"mistyped-{uuid4()}"
    await web_ui.start("create_usergroup", process_id, {"group_name": "Support"})
    await expect(await web_ui.failure(process_id)).to_contain_text("create_user_group")


async def test_a_used_id_is_refused(web_ui: WebUI, processes: Processes) -> None:
    handle = await processes.create_user_group("Used")
    await handle.result()
    await web_ui.start("create_user_group", handle.id, {"group_name": "Used again"})
    await expect(await web_ui.failure(handle.id)).to_contain_text("already exists")
