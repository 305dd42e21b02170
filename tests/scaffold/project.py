"""A copy of the project with two more products, which `python -m scaffold` wrote.

The worker and the commands of the copy use the Temporal and the PostgreSQL of the tests.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from settings import ROOT
from tests.starting import Program

LETTER_BOX = ("letter_box", "--field", "address:name", "--field", "quota_mb:int:1..1000000")
OFFICE_DOOR = (
    "office_door", "--system", "access_control",
    *("--field", "label:name", "--field", "remark:name?", "--field", "floor:int", "--field", "locked:bool?"),
    *("--field", "colour:choice:red,green,blue", "--field", "group:UserGroup", "--field", "box:LetterBox"),
)  # fmt: skip
"""A field of every kind."""
NOT_NEEDED = (
    "    from workflows.office_door.validate_office_door import ValidateOfficeDoor\n",
    ", ValidateOfficeDoor",
)
"""What the copy leaves out of its catalogue: a product need not have every workflow."""


@dataclass(frozen=True)
class Project:
    """The copy, with its worker running."""

    database_url: str
    starter: Program
    faults: Program
    """Orders faults of the external system of letter boxes."""


def make_copy(copy: Path) -> None:
    """Copy the project into this directory, and add the products."""
    for path in parts_of_the_project():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, copy / path)
    for arguments in (LETTER_BOX, OFFICE_DOOR):
        scaffold(copy, *arguments).check_returncode()
    catalogue = copy / "catalogue.py"
    text = catalogue.read_text()
    for left_out in NOT_NEEDED:
        assert text.count(left_out) == 1
        text = text.replace(left_out, "")
    catalogue.write_text(text)


def parts_of_the_project() -> Iterator[Path]:
    """Yield what the programs and the linter need: the modules and the packages, without the tests."""
    yield from map(Path, ("pyproject.toml", "tests/products/__init__.py", "tests/workflows/__init__.py"))
    for part in ROOT.iterdir():
        if part.suffix == ".py":
            yield part.relative_to(ROOT)
        elif (part / "__init__.py").exists() and part.name != "tests":
            yield from files_in(part)


def files_in(directory: Path) -> Iterator[Path]:
    """Yield the files in a directory of the project, by their paths in it."""
    for path in directory.rglob("*.*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(ROOT)


def scaffold(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a copy of the project, in an empty environment: it reads no settings."""
    return subprocess.run(
        [sys.executable, "-m", "scaffold", *arguments],
        cwd=project,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


@asynccontextmanager
async def running(worker: Program) -> AsyncIterator[None]:
    process = await worker.start("--prepare")
    try:
        async with asyncio.timeout(60):
            await ready(process)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        _, said = await process.communicate()
    assert process.returncode == 0, said.decode()


async def ready(worker: asyncio.subprocess.Process) -> None:
    """Wait until the worker is ready; fail with its output if it ends instead."""
    assert worker.stderr is not None
    said = b""
    while b"ready" not in said:
        line = await worker.stderr.readline()
        assert line, said.decode()
        said += line
