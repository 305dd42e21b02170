"""The page of a process in the Web UI: its link, and opening it."""

import asyncio
import webbrowser
from contextlib import suppress
from urllib.parse import quote

from temporalio.service import RPCError

from cli import output
from cli.connections import Connections
from orchestrator.temporal.executions import find_execution


async def link_to(connections: Connections, process_id: str) -> str | None:
    """Return the address of the process page; `None` if the Web UI or the process is unknown.

    It is also `None` if Temporal does not answer: for lack of a link no command fails.
    """
    execution, ui_url = None, connections.endpoints.ui_url
    with suppress(RPCError):
        execution = None if ui_url is None else await find_execution(connections.service, process_id)
    if execution is None:
        return None
    namespace, workflow = (quote(text, safe="") for text in (connections.service.namespace, process_id))
    return f"{ui_url}/namespaces/{namespace}/workflows/{workflow}/{execution.run_id}/user-metadata"


async def show_page(connections: Connections, process_id: str, *, opens: bool, quiet: bool) -> None:
    """Print where the page of a process that was started is, and open it if asked.

    Args:
        quiet: whether not to print it.
    """
    link = await link_to(connections, process_id)
    if link is not None and not quiet:
        output.say(f"Web UI: {link}")
    if opens:
        await open_page(link)


async def open_page(link: str | None) -> None:
    """Open a page in a browser; if that cannot be done, say so.

    Args:
        link: its address; `None` if it is unknown.
    """
    if link is None:
        output.say("No page can be opened: its address is unknown; see TEMPORAL_UI_URL")
    elif not await asyncio.to_thread(webbrowser.open, link):
        output.say(f"No browser can be opened here. The page: {link}")
