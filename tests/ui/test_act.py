"""An operator acts on processes in the Web UI: retry, adopt, give up, and cancel."""

from uuid import uuid4

import pytest
from playwright.async_api import expect

from orchestrator.database.connection import Pool
from services.fake_faults import Fault
from services.fake_group_management import FakeGroupManagement
from tests.bulks import start_bulk, store_bulk
from tests.processes import CreateHandle, Processes
from tests.ui.web_ui import WebUI

pytestmark = pytest.mark.ui


@pytest.fixture
async def parked(processes: Processes, groups: FakeGroupManagement) -> CreateHandle:
    """A create that is parked, because the external system rejects its name."""
    name = f"Rejected {uuid4()}"
    await groups.system.order(Fault(kind="reject", name=name))
    handle = await processes.create_user_group(name)
    await processes.until_parked(handle, seconds=60)
    return handle


async def test_a_retry_with_a_correction_completes(web_ui: WebUI, parked: CreateHandle) -> None:
    corrected = {"values": {"group_name": "Security team"}, "by": "alice", "reason": "the name is taken"}
    await web_ui.update(parked.id, "retry", corrected)
    assert (await parked.result()).user_group.group_name == "Security team"
    page = await web_ui.process_page(parked.id)
    await expect(page.get_by_role("heading")).to_have_text("Create user group “Security team”: completed")


async def test_a_retry_by_signal_completes(
    web_ui: WebUI, parked: CreateHandle, groups: FakeGroupManagement
) -> None:
    await groups.system.clear_faults()
    await web_ui.signal(parked.id, "retry", {"by": "alice", "reason": "the system is back"})
    await parked.result()


async def test_an_adoption_without_a_record_is_refused(web_ui: WebUI, parked: CreateHandle) -> None:
    dialog = await web_ui.fill_update(parked.id, "adopt", {"by": "alice", "reason": "made by hand"})
    await expect(dialog).to_contain_text("There is nothing fitting to adopt")
    await expect(web_ui.status).to_have_text("Running")


async def test_a_note_that_does_not_fit_says_why(web_ui: WebUI, parked: CreateHandle) -> None:
    dialog = await web_ui.fill_update(parked.id, "retry", {"reasons": "typed wrongly"})
    await expect(dialog).to_contain_text("Invalid RetryNote: reasons is not a field of this form")


async def test_a_cancelled_process_is_rolled_back(
    web_ui: WebUI, parked: CreateHandle, processes: Processes
) -> None:
    await web_ui.cancel(parked.id)
    await expect(web_ui.status).to_have_text("Canceled")
    page = await web_ui.process_page(parked.id)
    await expect(page).to_contain_text("Aborted, and rolled back.")
    subscription = await processes.subscription(parked)
    assert subscription is not None
    assert subscription.status == "terminated"


async def test_giving_up_leaves_the_subscription_out_of_sync(
    web_ui: WebUI, parked: CreateHandle, processes: Processes, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject"))  # the roll-back, too
    await web_ui.cancel(parked.id)
    await processes.until_parked(parked, times=2, seconds=60)
    await web_ui.update(parked.id, "give_up", {"by": "alice", "reason": "removed by hand"})
    await expect(web_ui.status).to_have_text("Failed")
    subscription = await processes.subscription(parked)
    assert subscription is not None
    assert not subscription.insync


async def test_a_cancelled_bulk_starts_no_further_row(
    web_ui: WebUI, processes: Processes, pool: Pool
) -> None:
    handle = await start_bulk(processes, await store_bulk(pool, 200))
    await web_ui.cancel(handle.id)
    await expect(web_ui.status).to_have_text("Canceled")
    page = await web_ui.process_page(handle.id)
    await expect(page).to_contain_text("No further row starts")
