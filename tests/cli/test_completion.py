"""Bash completes the arguments of the starter, however it is called."""

import asyncio
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from cli.commands import COMMANDS
from settings import ROOT
from tests.cli.test_start_up import imported
from tests.terminal import Terminal

SOURCE = f"source <(_STARTER_COMPLETE=bash_source {sys.executable} starter.py)\n"
ASK = """
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_starter_completion "$1" "${!#}" ""
printf '%s\\n' "${COMPREPLY[@]}"
"""


async def completed(*words: str, before: str = "", directory: Path = ROOT) -> list[str]:
    """Return what bash offers for the last of these words."""
    script = f"{before}\ncd {ROOT}\n{SOURCE}cd {directory}\n{ASK}"
    ended = await asyncio.to_thread(
        subprocess.run,
        ["bash", "--norc", "-c", script, "bash", *words],
        check=True,
        capture_output=True,
        text=True,
    )
    return ended.stdout.split()


@pytest.mark.parametrize("program", ["starter.py", "python starter.py", ".venv/bin/python ./starter.py"])
async def test_commands_are_completed_for_each_way_to_call(program: str) -> None:
    assert await completed(*program.split(), "sub") == ["subscription", "subscriptions"]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("create u", ["user", "user-group"]),
        ("processes --status pa", ["parked"]),
        ("processes --workflow modify", ["modify_user_group", "modify_user"]),
        ("modify 64f7 --group-n", ["--group-name"]),
        ("processes --status parked --lim", ["--limit"]),
        ("retry x --reason a --reason b --no", ["--no-wait"]),
        ("fly --", ["--help"]),
    ],
)
async def test_arguments_are_completed(line: str, offered: list[str]) -> None:
    assert await completed("python", "starter.py", *line.split()) == offered


async def test_all_commands_are_offered() -> None:
    assert await completed("starter.py", "") == list(COMMANDS)


async def test_completion_works_in_another_folder(tmp_path: Path) -> None:
    assert await completed("python", f"{ROOT}/starter.py", "doc", directory=tmp_path) == ["doctor"]


async def test_other_programs_of_python_are_completed_as_before() -> None:
    before = "others() { COMPREPLY=(as before); }; complete -F others python"
    assert await completed("python", "other.py", "x", before=before) == ["as", "before"]
    assert await completed("python", "starter.py", "doc", before=before) == ["doctor"]
    assert await completed("python3", "other.py", "x", before=before) == []


async def test_names_of_commands_come_without_imports() -> None:
    asked = os.environ | {
        "_STARTER_COMPLETE": "bash_complete",
        "COMP_WORDS": "starter.py d",
        "COMP_CWORD": "1",
    }
    assert await imported(asked, ("rich", "temporalio", "pydantic", "asyncio")) == "\n"


def test_tab_completes_on_a_terminal() -> None:
    controller, terminal = pty.openpty()
    shell = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        cwd=ROOT,
        env=os.environ | {"TERM": "xterm", "PS1": "$ ", "HISTFILE": ""},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    bash = Terminal(shell, controller)
    bash.type(SOURCE)
    bash.type("python starter.py processe\t--stat\tpark\t")
    bash.until("python starter.py processes --status parked")
    bash.type("\x15exit\n")
    assert bash.ended().code == 0
