"""The embedded stack and a headless Chromium, one of each for all tests of the Web UI."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, ViewportSize, async_playwright, expect
from temporalio.client import Client

from orchestrator.temporal.plugin import subscriptions_plugin
from orchestrator.temporal.task_queue import TASK_QUEUE
from settings import Endpoints, Settings
from stack.addresses import Addresses
from stack.embedded import embedded_stack
from tests.endpoints import variables
from tests.starting import Starter
from tests.ui.web_ui import WebUI

PATIENCE = 60_000
"""Milliseconds to wait for the UI, on a machine that is busy."""

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
WINDOW: ViewportSize = {"width": 1280, "height": 1000}


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS, timeout=PATIENCE
        )
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def stack(directory: Path) -> AsyncIterator[Addresses]:
    running = embedded_stack(directory / "stack")
    addresses = await asyncio.to_thread(running.__enter__)
    yield addresses
    await asyncio.to_thread(running.__exit__, None, None, None)


@pytest.fixture(scope="session")
def endpoints(stack: Addresses) -> Endpoints:
    return Settings().at(temporal_address=stack.temporal_address, database_url=stack.database_url)


@pytest.fixture(scope="session")
async def client(stack: Addresses) -> AsyncIterator[Client]:
    yield await Client.connect(stack.temporal_address, plugins=[subscriptions_plugin()])
    await asyncio.sleep(0.05)  # the SDK's threads may still need the interpreter for a moment


@pytest.fixture
def task_queue() -> str:
    """The task queue of the stack's worker."""
    return TASK_QUEUE


@pytest.fixture
def starter(endpoints: Endpoints) -> Starter:
    return Starter(os.environ | variables(endpoints))


@pytest.fixture(scope="session")
async def tab(browser: Browser, stack: Addresses) -> AsyncIterator[WebUI]:
    async with open_web_ui(browser, stack) as web_ui:
        yield web_ui


@pytest.fixture
async def web_ui(tab: WebUI) -> AsyncIterator[WebUI]:
    """A browser on the Web UI, without what the UI remembers from the test before."""
    yield tab
    await tab.page.evaluate("localStorage.clear()")


@asynccontextmanager
async def open_web_ui(browser: Browser, stack: Addresses, scale: float = 1) -> AsyncIterator[WebUI]:
    """Open the Web UI of the stack, light and in UTC.

    Args:
        scale: pixels of the screen for each pixel of the page.
    """
    context = await browser.new_context(
        viewport=WINDOW,
        color_scheme="light",
        locale="en-US",
        timezone_id="UTC",
        device_scale_factor=scale,
    )
    context.set_default_timeout(PATIENCE)
    await context.route("https://newsfeed.temporal.io/**", no_news)
    yield WebUI(await context.new_page(), stack.ui_url)
    await context.close()


async def no_news(route: Route) -> None:
    """Answer in place of the one address outside that the UI asks."""
    await route.fulfill(json={})
