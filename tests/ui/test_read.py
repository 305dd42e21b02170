"""What an operator reads in the Web UI: the pages of a process, and the schedules."""

from functools import partial

import pytest
from playwright.async_api import expect

from orchestrator.process.details import PARKED
from services.fake_faults import Fault
from services.fake_group_management import FakeGroupManagement
from tests.processes import Handle, Processes, eventually
from tests.starting import Starter
from tests.ui.web_ui import WebUI

pytestmark = pytest.mark.ui

STEPS = (
    "Create subscription",
    "Create Process Subscription relation",
    "Initialize subscription",
    "Provision user group",
    "Set subscription to ‘active’",
    "Unlock subscription",
)
"""The steps of a create, as the process page names them."""


async def test_the_page_of_a_finished_process_has_every_step(web_ui: WebUI, processes: Processes) -> None:
    handle = await processes.create_user_group("Finished")
    await handle.result()
    page = await web_ui.process_page(handle.id)
    await expect(page.get_by_role("heading")).to_have_text("Create user group “Finished”: completed")
    rows = page.get_by_role("row").filter(has_text="done")
    await expect(rows).to_contain_text([*STEPS])


async def test_the_page_of_a_parked_process_says_what_to_do(
    web_ui: WebUI, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Parked"))
    handle = await processes.create_user_group("Parked")
    await processes.until_parked(handle)
    page = await web_ui.process_page(handle.id)
    await expect(page.get_by_role("row").filter(has_text=PARKED)).to_contain_text("Provision user group")
    for text in ("rejects ‘Parked’", "send the update retry", "request cancellation to roll it back"):
        await expect(page).to_contain_text(text)


async def waits(processes: Processes, handle: Handle) -> bool | None:
    return True if "You need not act." in await processes.details(handle) else None


async def test_the_page_of_a_waiting_process_says_for_what(
    web_ui: WebUI, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="unreachable"))
    handle = await processes.create_user_group("Waiting")
    await eventually(partial(waits, processes, handle))  # the UI does not renew a page that is open
    page = await web_ui.process_page(handle.id)
    await expect(page).to_contain_text("You need not act.")
    await web_ui.open(handle.id, "Pending Activities")
    pending = web_ui.page.get_by_role("main")
    for text in ("provision_user_group", "Attempt", "Next Retry", "group_management cannot be reached"):
        await expect(pending).to_contain_text(text)
    await web_ui.retry_now(handle.id)
    await groups.system.clear_faults()
    await handle.result()


async def test_no_page_shows_a_common_error(
    web_ui: WebUI, processes: Processes, groups: FakeGroupManagement
) -> None:
    """The UI's own list of them proves that one would be seen here; not every version looks for them."""
    common_errors = await web_ui.all_common_errors()
    assert len(common_errors) > 30
    assert await web_ui.shown(common_errors) == common_errors
    await groups.system.order(Fault(kind="reject", name="Common"))
    parked, ended = await processes.create_user_group("Common"), await processes.create_user_group("Usual")
    await processes.until_parked(parked, seconds=60)
    await ended.result()
    for handle in (parked, ended):
        for tab in ("Timeline", "Event History", "User Metadata"):
            await web_ui.open(handle.id, tab)
            await expect(web_ui.page.get_by_role("tab", name=tab, selected=True)).to_be_visible()
            assert await web_ui.shown(["Common Errors", *common_errors]) == []


async def test_the_page_of_a_modify_shows_the_values_first(web_ui: WebUI, processes: Processes) -> None:
    group = await processes.active_group("Old name")
    handle = await processes.start("modify_user_group", group, group_name="New name")
    await handle.result()
    page = await web_ui.process_page(handle.id)
    changes = page.get_by_role("table").first
    await expect(changes.get_by_role("columnheader")).to_contain_text(["Value", "Before", "After"])
    await expect(changes.get_by_role("cell")).to_contain_text(["group_name", "Old name", "New name"])


async def test_the_compact_history_names_the_steps(web_ui: WebUI, processes: Processes) -> None:
    handle = await processes.create_user_group("History")
    await handle.result()
    await web_ui.open(handle.id, "Event History")
    await web_ui.page.get_by_role("button", name="Compact").click()
    for step in STEPS:
        await expect(web_ui.page.get_by_role("main")).to_contain_text(
            step.translate({0x2018: "'", 0x2019: "'"})
        )


async def test_the_search_attributes_are_shown(web_ui: WebUI, processes: Processes) -> None:
    handle = await processes.create_user_group("Attributes")
    group = await handle.result()
    await web_ui.open(handle.id, "Search Attributes")
    shown = web_ui.page.get_by_role("textbox", name="Search Attributes")
    for text in (str(group.subscription_id), str(group.customer_id), "User Group", "CREATE", "completed"):
        await expect(shown).to_contain_text(text)


async def test_the_memo_of_a_process_opens(web_ui: WebUI, processes: Processes) -> None:
    handle = await processes.create_user_group("Memo")
    await handle.result()
    await web_ui.open(handle.id, "Memo")
    await expect(web_ui.page.get_by_role("textbox", name="Memo")).to_be_visible()


async def test_the_schedules_show_when_the_next_runs_are(web_ui: WebUI, starter: Starter) -> None:
    await starter("schedule", "validate", "--every", "1d")
    await starter("schedule", "clean-up", "--every", "7d")
    rows = await web_ui.open_schedules()
    validation = rows.filter(has_text="validate-subscriptions")
    await expect(validation).to_contain_text("Every 1 day(s)")
    await expect(validation).to_contain_text("12:00:00.00 AM UTC")
    await expect(rows.filter(has_text="clean-up")).to_contain_text("Every 7 day(s)")


async def test_a_schedule_that_is_triggered_starts_a_validation(web_ui: WebUI, starter: Starter) -> None:
    await starter("schedule", "validate", "--every", "1d")
    await web_ui.trigger("validate-subscriptions")
    rows = await web_ui.find("TemporalScheduledById = 'validate-subscriptions'")
    await expect(rows.first).to_contain_text("validate_subscriptions-scheduled-")
