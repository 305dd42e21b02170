"""The page of a process in the Web UI: its link, and `--open`."""

import asyncio
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.starting import Ended, Program, Starter

UI = "https://temporal.example.com"
CREATE = ("create", "user-group", "--group-name", "Operators")


@pytest.fixture
def linking(starter: Starter) -> Starter:
    """The starter with the address of a Web UI."""
    return Starter(starter.environment | {"TEMPORAL_UI_URL": f"{UI}/"})


@pytest.fixture
def opened(tmp_path: Path, linking: Starter) -> Path:
    """The file in which the only browser notes what it opens."""
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    browser.chmod(0o755)
    linking.environment["BROWSER"] = f"{browser} %s"
    return opened


async def page(client: Client, process_id: str) -> str:
    run_id = (await client.get_workflow_handle(process_id).describe()).run_id
    shown = process_id.replace("/", "%2F")
    return f"{UI}/namespaces/default/workflows/{shown}/{run_id}/user-metadata"


async def run(linking: Starter, *arguments: str) -> Ended:
    """Run a program of its own: the library for browsers reads its environment once."""
    return await Program(linking.environment, ("starter.py",))(*arguments)


async def test_a_start_prints_the_link_beside_the_answer(linking: Starter, client: Client) -> None:
    ended = await linking(*CREATE, "--process-id", "web/1", "--no-wait")
    assert ended.stdout == "web/1\n"
    assert f"Web UI: {await page(client, 'web/1')}\n" in ended.stderr


async def test_json_has_the_link_and_prints_it_nowhere_else(linking: Starter, client: Client) -> None:
    ended = await linking(*CREATE, "--json")
    started = ended.document
    shown = (await linking("process", started["process_id"], "--json")).document
    assert started["link"] == shown["link"] == await page(client, started["process_id"])
    assert UI not in ended.stderr


async def test_a_process_that_is_shown_has_its_link(linking: Starter, client: Client) -> None:
    process_id = (await linking(*CREATE, "--json")).document["process_id"]
    assert f"Web UI: {await page(client, process_id)}\n" in (await linking("process", process_id)).stdout


async def test_without_an_address_there_is_no_link(starter: Starter) -> None:
    ended = await starter(*CREATE, "--json")
    assert ended.document["link"] is None
    assert "Web UI" not in (await starter("process", ended.document["process_id"])).stdout


@pytest.mark.parametrize(
    "command",
    [
        ("validate", "{subscription}", "--open", "--no-wait"),
        ("modify", "{subscription}", "--group-name", "Others", "--open"),
        ("terminate", "{subscription}", "--in", "9d", "--yes", "--open"),
        ("process", "{process}", "--open"),
        ("validate", "--all", "--no-wait", "--open"),
    ],
    ids=lambda command: command[0],
)
async def test_open_opens_the_page(linking: Starter, opened: Path, command: tuple[str, ...]) -> None:
    created = (await linking(*CREATE, "--json")).document
    known = {"subscription": created["subscription"]["subscription_id"], "process": created["process_id"]}
    ended = await run(linking, *(word.format(**known) for word in command))
    assert ended.code == 0, ended.stderr
    (link,) = await asyncio.to_thread(lambda: opened.read_text().splitlines())
    assert link.startswith(f"{UI}/namespaces/default/workflows/")
    assert link in (ended.stdout if command[0] == "process" else ended.stderr)


async def test_a_machine_without_a_browser_is_told_in_one_line(linking: Starter) -> None:
    linking.environment.update({"BROWSER": "no-such-browser", "PATH": "/nowhere"})
    linking.environment.pop("DISPLAY", None)
    ended = await run(linking, *CREATE, "--no-wait", "--open")
    assert ended.code == 0
    (line,) = (line for line in ended.stderr.splitlines() if "browser" in line)
    assert line.startswith(f"No browser can be opened here. The page: {UI}/")


async def test_open_without_an_address_names_the_variable(starter: Starter) -> None:
    ended = await starter(*CREATE, "--no-wait", "--open")
    assert ended.code == 0
    assert ended.stderr == "No page can be opened: its address is unknown; see TEMPORAL_UI_URL\n"


async def test_an_address_that_is_none_is_refused_unseen(starter: Starter) -> None:
    wrong = Starter(starter.environment | {"TEMPORAL_UI_URL": "https://me:opensesame@temporal"})
    ended = await wrong("status")
    assert (ended.code, "TEMPORAL_UI_URL" in ended.stderr, "opensesame" in ended.stderr) == (1, True, False)
