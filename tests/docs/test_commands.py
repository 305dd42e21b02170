"""Every command of every page is one that its program takes; none is run here."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

import click
import pytest

from cli.commands import COMMANDS, cli
from cli.faults import faults
from cli.restored import restored
from scaffold.__main__ import new_product
from scaffold.tutorial import tutorial
from settings import ROOT
from stack.temporal_server import find_temporal_cli
from tests.docs.pages import PAGES, commands, name

OF_THE_SHELL = {
    *("[", "cd", "cp", "do", "done", "export", "git", "grep", "kill", "sleep", "source", "until", "wait"),
    *("createdb", "kubectl", "pg_dump", "pg_restore", "podman"),
}
ADDED = "python starter.py create mailbox "
"""What the tutorial does with a product that it adds; `make tutorial` runs it."""
CONSOLE = sorted({line for page in PAGES for line in commands(page) if not line.startswith(ADDED)})


def simple_commands(line: str) -> Iterator[list[str]]:
    """Yield the commands of a shell line, without the variables set before them."""
    words: list[str] = []
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    for word in [*lexer, ";"]:
        if set(word) <= set(";&|"):
            yield from [words] if words else []
            words = []
        elif words or not (re.fullmatch(r"[A-Z_]+=.*", word) or word in {"until", "do", "done"}):
            words.append(word)


def parse(command: click.Command, arguments: Sequence[str], parent: click.Context | None = None) -> None:
    """Parse a command line as click does before it runs anything.

    Raises:
        click.UsageError: when the command line is wrong.
    """
    with suppress(click.exceptions.Exit):  # a help page
        context = command.make_context(command.name, list(arguments), parent=parent)
        rest = [*context._protected_args, *context.args]
        if isinstance(command, click.Group) and rest:
            _, found, rest = command.resolve_command(context, rest)
            assert found is not None
            parse(found, rest, context)


def check_make(words: Sequence[str]) -> None:
    subprocess.run(["make", "--dry-run", *words], cwd=ROOT, check=True, capture_output=True)


def check_worker(words: Sequence[str]) -> None:
    assert {word for word in words if word.startswith("--")} <= options((sys.executable, "worker.py"))


def check_pytest(words: Sequence[str]) -> None:
    assert {word for word in words if word.startswith("-")} <= {"-q", "--noconftest"}


def check_temporal(words: Sequence[str]) -> None:
    first_option = next((at for at, word in enumerate(words) if word.startswith("-")), len(words))
    known = options((find_temporal_cli(ROOT), *words[:first_option]))
    assert {word for word in words if word.startswith("--")} <= known


@cache
def options(program: tuple[str, ...]) -> set[str]:
    """Return the options that the help page of a program shows."""
    shown = subprocess.run([*program, "--help"], cwd=ROOT, check=True, capture_output=True, text=True)
    return set(re.findall(r"--[a-z-]+", shown.stdout))


CHECKS: dict[tuple[str, ...], Callable[[Sequence[str]], None]] = {
    ("make",): check_make,
    ("python", "starter.py"): partial(parse, cli),
    ("python", "-m", "cli.faults"): partial(parse, faults),
    ("python", "-m", "cli.restored"): partial(parse, restored),
    ("python", "-m", "pytest"): check_pytest,
    ("python", "-m", "scaffold"): partial(parse, new_product),
    ("python", "-m", "scaffold.tutorial"): partial(parse, tutorial),
    ("python", "worker.py"): check_worker,
    ("temporal",): check_temporal,
}
"""What takes the arguments of a program, by how the program is called."""


def check(words: Sequence[str]) -> None:
    for program, takes in CHECKS.items():
        if tuple(words[: len(program)]) == program:
            takes(words[len(program) :])
            return
    assert words[0] in OF_THE_SHELL


def test_commands_are_found() -> None:
    assert len(CONSOLE) > 40
    assert list(simple_commands("A=1 python worker.py & until x -y | grep z; do sleep 1; done")) == [
        ["python", "worker.py"], ["x", "-y"], ["grep", "z"], ["sleep", "1"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        *("make nothing", "python starter.py fly", "python starter.py create user --nickname x"),
        *(
            "python -m cli.faults group_management dream",
            "python worker.py --fly",
            "python -m scaffold mailbox --fly",
            "python -m pytest --fly",
            "temporal workflow list --fly",
        ),
        "destroy everything",
    ],
)
def test_a_wrong_command_is_noticed(wrong: str) -> None:
    with pytest.raises((AssertionError, click.UsageError, subprocess.CalledProcessError)):
        check(wrong.split())


@pytest.mark.parametrize("line", CONSOLE)
def test_every_command_is_taken_by_its_program(line: str) -> None:
    for words in simple_commands(line):
        check(words)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_that_a_text_names_exists(page: Path) -> None:
    named = re.findall(r"`(?:python )?starter\.py ([a-z-]+)", page.read_text())
    assert [command for command in named if command not in COMMANDS] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_that_a_text_names_exists(page: Path) -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"`make ([a-z-]+)", page.read_text())
    assert [target for target in named if target not in known] == []
