"""The pages of Temporal's Web UI as an operator uses them. If a newer UI looks different, mend it here."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from playwright.async_api import Locator, Page, expect

from orchestrator.temporal.task_queue import TASK_QUEUE

Values = Mapping[str, object]


@dataclass(frozen=True)
class WebUI:
    """A browser on the Web UI. Every method waits until the UI has done what it was told."""

    page: Page
    url: str
    """The address of the UI; it ends without a slash."""

    @property
    def workflows(self) -> str:
        """The address of the list of processes."""
        return f"{self.url}/namespaces/default/workflows"

    # Start Workflow

    async def fill_start_form(self, workflow: str, process_id: str, text: str) -> Locator:
        """Fill the form *Start Workflow*; return its button."""
        await self.page.goto(f"{self.workflows}/start-workflow")
        await self.page.get_by_label("Workflow ID").fill(process_id)
        await self.page.get_by_label("Task Queue").fill(TASK_QUEUE)
        await self.page.get_by_label("Workflow Type").fill(workflow)
        await self.page.get_by_role("textbox", name="Data").fill(text)
        return self.page.get_by_role("button", name="Start Workflow")

    async def start(self, workflow: str, process_id: str, form: Values) -> None:
        """Start a process."""
        await (await self.fill_start_form(workflow, process_id, as_formatted(form))).click()
        await self.read("Workflow started successfully")

    # The list

    async def find(self, query: str) -> Locator:
        """Enter a query beside *Add Filter*; return the rows of the table."""
        await self.page.goto(self.workflows)
        # The button `</>` has no name.
        add_filter = self.page.get_by_role("button", name="Add Filter")
        await add_filter.locator("xpath=following::button[1]").click()
        await self.page.get_by_role("searchbox", name="Enter a query").fill(query)
        await self.page.get_by_role("button", name="Search").click()
        return self.rows

    async def filter_by(self, attribute: str, value: str) -> Locator:
        """Filter by a search attribute with *Add Filter*; return the rows of the table."""
        await self.page.goto(self.workflows)
        await self.page.get_by_role("button", name="Add Filter").click()
        await self.page.get_by_role("menuitem", name=attribute).first.click()
        await self.page.get_by_label("Value", exact=True).fill(value)
        await self.page.get_by_role("button", name="Apply").click()
        return self.rows

    async def add_columns(self, *names: str) -> None:
        """Add these columns to the table."""
        await self.page.get_by_role("button", name="Configure Columns").click()
        for name in names:
            await self.page.get_by_role("button", name=f"Add {name} column").click()
        await self.page.get_by_role("button", name="Close Workflows Table configuration").click()

    async def remove_columns(self, *names: str) -> None:
        """Remove these columns from the table."""
        await self.page.get_by_role("button", name="Configure Columns").click()
        for name in names:
            await self.page.get_by_role("button", name=f"Remove {name} column").click()
        await self.page.get_by_role("button", name="Close Workflows Table configuration").click()

    @property
    def rows(self) -> Locator:
        """The rows of the table, without its head."""
        return self.page.get_by_role("table").locator("tbody").get_by_role("row")

    # One process

    async def open(self, process_id: str, tab: str | None = None) -> None:
        """Open a process; on a tab, if one is given."""
        await self.page.goto(f"{self.workflows}/{quote(process_id, safe='')}")
        await self.page.get_by_role("tablist", name="workflow detail").wait_for()
        if tab is not None:
            await self.page.get_by_role("tab", name=tab).click()

    @property
    def status(self) -> Locator:
        """The status that Temporal gives the process, such as `Running`."""
        return self.page.get_by_test_id("execution-status")

    async def process_page(self, process_id: str) -> Locator:
        """Open the process page; return what is on it."""
        await self.open(process_id, "User Metadata")
        # Markdown is in frames: the summary first, the current details last.
        page = self.page.frame_locator("iframe").last.locator("body")
        await page.wait_for()
        return page

    async def failure(self, process_id: str) -> Locator:
        """Open a process that has failed; return what the UI shows as its result."""
        await self.open(process_id)
        await expect(self.status).to_have_text("Failed")
        return self.page.get_by_test_id("input-and-result")

    async def fill_update(self, process_id: str, name: str, note: Values) -> Locator:
        """Fill the dialog *Send an Update*, and submit it; return the dialog."""
        return await self._fill("Update", process_id, name, note)

    async def update(self, process_id: str, name: str, note: Values) -> None:
        """Send an update that the process accepts."""
        await self.fill_update(process_id, name, note)
        await self.read("Update successful")

    async def signal(self, process_id: str, name: str, note: Values) -> None:
        """Send a signal."""
        await self._fill("Signal", process_id, name, note)
        await self.read("Workflow signaled.")

    async def _fill(self, kind: str, process_id: str, name: str, note: Values) -> Locator:
        await self.open(process_id)
        article = "an" if kind == "Update" else "a"
        await self.page.get_by_role("button", name="More Actions").click()
        await self.page.get_by_role("menuitem", name=f"Send {article} {kind}").click()
        dialog = self.page.get_by_role("dialog", name=f"Send {article} {kind}")
        await dialog.get_by_role("button", name=f"Select {article} {kind}").click()
        await dialog.get_by_role("option", name=name).click()
        await dialog.get_by_role("textbox", name="Data").fill(as_formatted(note))
        await dialog.get_by_role("button", name="Submit").click()
        return dialog

    async def cancel(self, process_id: str) -> None:
        """Request the cancellation of a process."""
        await self.open(process_id)
        await self.page.get_by_role("button", name="Request Cancellation").click()
        await self.page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
        await self.read("Workflow canceled.")

    async def retry_now(self, process_id: str) -> None:
        """Reset the one pending activity of a process: its next attempt begins at once."""
        await self.open(process_id, "Pending Activities")
        await self.page.get_by_role("button", name="Reset", exact=True).last.click()
        await self.page.get_by_role("dialog").get_by_role("button", name="Reset", exact=True).click()
        await self.read("has been reset successfully")

    # Schedules

    async def open_schedules(self) -> Locator:
        """Open the list of schedules; return its rows."""
        await self.page.goto(f"{self.url}/namespaces/default/schedules")
        return self.rows

    async def trigger(self, schedule_id: str) -> None:
        """Start a run of a schedule now."""
        await self.page.goto(f"{self.url}/namespaces/default/schedules/{schedule_id}")
        await self.page.get_by_role("button", name="Schedule Actions").click()
        await self.page.get_by_role("menuitem", name="Trigger").click()
        await self.page.get_by_role("dialog").get_by_role("button", name="Trigger").click()

    async def read(self, text: str) -> None:
        """Wait until a message of the UI says this."""
        await (
            self.page.get_by_test_id("toast-live-region-polite").get_by_text(text).wait_for(state="attached")
        )

    # Common errors

    async def all_common_errors(self) -> list[str]:
        """Return the titles of everything that the UI can call a common error."""
        await self.page.goto(f"{self.url}/common-errors")
        titles = self.page.locator(":is([role=alert], [role=status]):has(a) p:first-of-type")
        await titles.first.wait_for()
        return [title.strip() for title in await titles.all_inner_texts()]

    async def shown(self, titles: Iterable[str]) -> list[str]:
        """Return those of these titles that the present page shows."""
        text = await self.page.locator("body").inner_text()
        return [title for title in titles if title in text]


def as_formatted(form: Values) -> str:
    """Return the values as the UI formats them when its field loses the focus.

    Other text would change its height at the moment in which a button below is pressed, and the press would
    be lost.
    """
    return json.dumps(form, indent=2)
