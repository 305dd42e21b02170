"""A reader follows `docs/tutorial.md` to its end: from no product to three, each tested."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaffold.tutorial import PAGE, Block, blocks, make_copy, read, without
from settings import ROOT

pytestmark = pytest.mark.exhaustive

TIMEOUT = 1800
"""Seconds that a command may take on a busy machine."""
PREPARES = ("source ", "python -m scaffold.tutorial ", "cd ")
"""Commands that the fixture stands for."""


class Reader:
    """Types what the page says into a copy of the project."""

    def __init__(self, copy: Path) -> None:
        self.copy = copy
        self.parts = [block for block in blocks(PAGE.read_text()) if block.role == "part"]

    def follow(self) -> None:
        """Follow the page from its beginning to its end."""
        for step in read(PAGE.read_text()):
            if isinstance(step, Block):
                self.type(step)
            else:
                for line in step.lines:
                    self.run(line)

    def type(self, block: Block) -> None:
        path = self.copy / block.path
        if block.role == "file":
            assert not path.exists()
            if not path.parent.exists():
                path.parent.mkdir()
                (path.parent / "__init__.py").touch()
            path.write_text(block.text)
        elif block.role == "part":
            self.parts.remove(block)
            later = [part for part in self.parts if part.path == block.path]
            path.write_text(without((ROOT / block.path).read_text(), later))

    def run(self, line: str) -> None:
        if line.startswith(PREPARES):
            return
        ended = self.shell(line)
        assert ended.returncode == 0, f"{line}\n{ended.stdout}\n{ended.stderr}"
        if line.startswith("git status"):
            assert ended.stdout == ""

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a reader does who has configured nothing."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TEMPORAL_", "DATABASE_", "PYTEST_"))
        }
        path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        return subprocess.run(
            line, shell=True, cwd=self.copy, env=environment | {"PATH": path}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=TIMEOUT,
        )  # fmt: skip

    def make(self, target: str) -> Iterator[str]:
        """Yield the commands of a target of the Makefile."""
        makefile = (self.copy / "Makefile").read_text()
        rule = makefile.partition(f"\n{target}: ")[2].partition("\n\n")[0]
        for line in rule.splitlines()[1:]:
            yield line.strip().removeprefix("@").replace("$(BIN)/", "").replace("$(ARGS)", "")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    copy = tmp_path_factory.mktemp("tutorial") / "copy"
    missing = make_copy(copy)
    assert len(missing) > 15
    return Reader(copy)


def test_the_page_leads_from_no_product_to_three(reader: Reader) -> None:
    reader.follow()
    assert reader.parts == []


def test_a_product_of_every_kind_of_field_can_be_added(reader: Reader) -> None:
    """Its names are as long as names may be, so that they show which lines become too long."""
    name, field = "an_extremely_long_n", "an_extremely_long_name_of_one_"
    choices = ",".join(letter * 30 for letter in "abc")
    fields = (
        f"{field[:-1]}a:name", f"{field[:-1]}b:name?", f"{field[:-1]}c:int?", f"{field[:-1]}d:bool",
        f"{field[:-1]}e:int:-999999999999999..999999999999999", f"{field[:-1]}f:choice:{choices}?",
        f"{field[:-1]}g:UserGroup", f"{field[:-1]}h:Mailbox",
    )  # fmt: skip
    reader.run(f"python -m scaffold {name} {shlex.join(f'--field={one}' for one in fields)}")
    reader.run(f"python -m pytest -q tests/products/test_{name}.py tests/workflows/test_{name}.py")


def test_the_products_pass_make_check(reader: Reader) -> None:
    commands = list(reader.make("check"))
    assert len(commands) == 4
    for command in commands:
        reader.run(command)


def test_the_histories_of_the_products_are_recorded_and_replay(reader: Reader) -> None:
    for command in reader.make("record"):
        reader.run(f"python -m {command.removeprefix('python -m ')}")
    recorded = {path.name.split(".")[0] for path in (reader.copy / "tests" / "histories").iterdir()}
    assert {"create_mailbox", "validate_mailbox", "modify_an_extremely_long_n"} <= recorded
    reader.run("python -m pytest -q tests/workflows/test_replay.py")


def test_the_tests_of_the_whole_accept_the_products(reader: Reader) -> None:
    """Those that read the catalogue, the database, the settings or the documents."""
    files = (
        "tests/domain", "tests/docs", "tests/database/test_migrations.py", "tests/trials/test_inputs.py",
        "tests/trials/test_workload.py", "tests/test_connections.py", "tests/test_settings.py",
        "tests/test_plain_english.py", "tests/workflows/test_start_later.py",
    )  # fmt: skip
    reader.run(f"python -m pytest -q {' '.join(files)}")
