"""What the command writes: only new files and the entry, as clean as code that was written by hand."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from scaffold.names import article, camel, words
from settings import ROOT
from tests.scaffold.project import LETTER_BOX, parts_of_the_project, scaffold


def test_one_existing_file_is_edited(copy: Path) -> None:
    parts = parts_of_the_project()
    edited = {str(path) for path in parts if (copy / path).read_bytes() != (ROOT / path).read_bytes()}
    assert edited == {"catalogue.py"}


def test_a_dry_run_lists_every_file_and_writes_none(copy: Path) -> None:
    before = sorted(copy.rglob("*.py"))
    dry = scaffold(copy, "parcel_box", *LETTER_BOX[1:], "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert sorted(copy.rglob("*.py")) == before
    *files, edited = dry.stdout.splitlines()
    assert edited == "catalogue.py (the entry is added)"
    same = [path.replace("parcel", "letter") for path in files if "/versions/" not in path]
    assert all((copy / path).exists() for path in same)
    assert len(files) == len(same) + 1 > 10


def test_the_migrations_follow_each_other(copy: Path) -> None:
    numbers = [
        path.name[:4] for path in sorted((copy / "orchestrator/database/migrations/versions").glob("0*"))
    ]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert [path.name[4:] for path in sorted((copy / "orchestrator").rglob("*_box.py"))] == ["_letter_box.py"]


def test_the_files_are_linted_and_formatted(copy: Path) -> None:
    for arguments in (["check"], ["format", "--check"]):
        ended = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "."],
            cwd=copy, check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout


def test_every_new_module_and_class_has_a_docstring(copy: Path) -> None:
    for path in copy.rglob("*letter_box*.py"):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        assert all(ast.get_docstring(node) for node in tree.body if isinstance(node, ast.ClassDef)), path


@pytest.mark.parametrize(
    ("name", "camels", "text"),
    [("mailbox", "Mailbox", "a mailbox"), ("office_door", "OfficeDoor", "an office door"),
     ("user", "User", "a user"), ("uplink", "Uplink", "an uplink"), ("unit", "Unit", "a unit")],
)  # fmt: skip
def test_a_name_becomes_a_class_and_words(name: str, camels: str, text: str) -> None:
    assert (camel(name), f"{article(words(name))} {words(name)}") == (camels, text)
    assert words(camels) == words(name)
