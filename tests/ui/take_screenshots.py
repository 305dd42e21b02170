"""Take the pictures of the documents again: `make screenshots`. Only their times differ from run to run."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, FloatRect, Locator, expect

from services.fake_faults import Fault
from services.fake_group_management import FakeGroupManagement
from settings import ROOT
from stack.addresses import Addresses
from tests.starting import Starter
from tests.ui.conftest import open_web_ui
from tests.ui.web_ui import WebUI

pytestmark = pytest.mark.ui

DOCS = ROOT / "docs"
SCALE = 1.5
"""Pixels of a picture for each pixel of the page: documents show it smaller."""

MARGIN = 24
"""Pixels of the page that are left below what is shown."""


@pytest.fixture
async def web_ui(browser: Browser, stack: Addresses) -> AsyncIterator[WebUI]:
    """A sharp picture of the Web UI, with the navigation collapsed to leave room."""
    async with open_web_ui(browser, stack, scale=SCALE) as web_ui:
        await web_ui.page.goto(web_ui.workflows)
        await web_ui.page.get_by_role("button", name="Collapse Navigation").click()
        yield web_ui


@pytest.fixture(autouse=True)
async def processes(starter: Starter, groups: FakeGroupManagement) -> None:
    """Start what the pictures show; a process that was started before is not started again."""
    await groups.system.order(Fault(kind="reject", name="Security"))
    await starter("create", "user-group", "--group-name", "Security", "--process-id", "security", "--no-wait")
    for name in ("Support", "Network operators"):
        process_id = name.lower().replace(" ", "-")
        await starter("create", "user-group", "--group-name", name, "--process-id", process_id)
    await starter("validate", "User Group Support", "--process-id", "validate-support")
    rename = (
        "modify",
        "User Group Support",
        "--group-name",
        "Service desk",
        "--process-id",
        "rename-support",
    )
    await starter(*rename)
    await starter(
        "terminate", "User Group Network operators", "--at", "2027-01-01", "--process-id", "the-end", "--yes"
    )


async def test_a_finished_process(web_ui: WebUI) -> None:
    page = await web_ui.process_page("network-operators")
    await expect(page).to_contain_text("Unlock subscription")
    await take(web_ui, DOCS / "process.png", page.get_by_text("times in UTC"))


async def test_a_parked_process(web_ui: WebUI) -> None:
    page = await web_ui.process_page("security")
    await expect(page).to_contain_text("The process waits for you")
    await take(web_ui, DOCS / "parked.png", page.get_by_text("times in UTC"))


async def test_a_finished_modify(web_ui: WebUI) -> None:
    page = await web_ui.process_page("rename-support")
    await expect(page).to_contain_text("completed")
    await take(web_ui, DOCS / "modify.png", page.get_by_text("times in UTC"))


async def test_the_list_with_the_useful_columns(web_ui: WebUI) -> None:
    await web_ui.page.goto(web_ui.workflows)
    await web_ui.remove_columns("Run ID", "Start", "End")
    await web_ui.add_columns("ProcessStatus", "Product", "SubscriptionId")
    await expect(web_ui.rows).to_have_count(6)
    await take(web_ui, DOCS / "workflows.png", web_ui.rows.last)


async def take(web_ui: WebUI, picture: Path, last: Locator) -> None:
    """Take a picture of the page, without the bars around it, down to the last thing to show."""
    main = await web_ui.page.get_by_role("main").bounding_box()
    end = await last.bounding_box()
    assert main is not None
    assert end is not None
    height = end["y"] + end["height"] + MARGIN - main["y"]
    clip = FloatRect(x=main["x"], y=main["y"], width=main["width"], height=height)
    await web_ui.page.screenshot(path=picture, clip=clip, animations="disabled")
