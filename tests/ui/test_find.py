"""An operator finds processes in the Web UI by the columns, filters and queries of the documents."""

from uuid import UUID

import pytest
from playwright.async_api import expect

from orchestrator.temporal import search_attributes
from settings import ROOT
from tests.docs.pages import code, section, tables
from tests.processes import CreateHandle, Processes
from tests.ui.web_ui import WebUI

pytestmark = pytest.mark.ui

[DOCUMENTED] = tables(section(ROOT / "docs" / "web-ui.md", "See what needs you"))
QUERIES = [code(query)[0] for _, query in DOCUMENTED]
CUSTOMER = UUID("b1b5a4a0-9a5c-4d55-8d0f-6a4f0a1f6c11")


@pytest.fixture
async def created(processes: Processes) -> CreateHandle:
    """A process that has created a user group for a customer."""
    handle = await processes.create_user_group("Found", customer_id=str(CUSTOMER))
    await handle.result()
    return handle


@pytest.mark.parametrize("attribute", [key.name for key in search_attributes.ALL])
async def test_a_filter_by_a_search_attribute_finds(
    attribute: str, web_ui: WebUI, created: CreateHandle
) -> None:
    group = await created.result()
    values = {
        "SubscriptionId": str(group.subscription_id),
        "CustomerId": str(CUSTOMER),
        "Product": "User Group",
        "Target": "CREATE",
        "ProcessStatus": "completed",
    }
    rows = await web_ui.filter_by(attribute, values[attribute])
    await expect(rows.filter(has_text=created.id)).to_be_visible()


@pytest.mark.parametrize("attribute", [key.name for key in search_attributes.ALL])
async def test_a_filter_leaves_out_what_does_not_fit(
    attribute: str, web_ui: WebUI, created: CreateHandle
) -> None:
    await web_ui.filter_by(attribute, "something else")
    await expect(web_ui.page.get_by_text("No Workflows Found")).to_be_visible()


@pytest.mark.parametrize("query", QUERIES)
async def test_every_documented_query_is_accepted(query: str, web_ui: WebUI, created: CreateHandle) -> None:
    async with web_ui.page.expect_response(
        lambda one: "/workflows?" in one.url and "query=" in one.url
    ) as asked:
        await web_ui.find(query)
    assert (await asked.value).ok


async def test_the_documented_columns_show_what_a_process_is(web_ui: WebUI, created: CreateHandle) -> None:
    group = await created.result()
    rows = await web_ui.find(f"SubscriptionId = '{group.subscription_id}'")
    await web_ui.add_columns("ProcessStatus", "Product", "SubscriptionId")
    await expect(rows).to_have_count(1)
    for text in ("completed", "User Group", str(group.subscription_id)):
        await expect(rows).to_contain_text(text)
    await web_ui.page.goto(web_ui.workflows)
    await expect(rows.filter(has_text=str(group.subscription_id))).to_be_visible()
