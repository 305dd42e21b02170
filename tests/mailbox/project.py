"""A copy of the project with one more product: with the files of `product/`, and the edits that it needs.

The edits are those of `docs/add-a-product.md`. The worker and the commands of the copy use the Temporal and
the PostgreSQL of the tests.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from settings import ROOT
from tests.starting import Program

PRODUCT = Path(__file__).parent / "product"
PARTS = """\
def _mailbox() -> Parts:
    from activities.mailbox import MailboxActivities
    from workflows.mailbox.create_mailbox import CreateMailbox
    from workflows.mailbox.modify_mailbox import ModifyMailbox
    from workflows.mailbox.terminate_mailbox import TerminateMailbox

    return Parts(workflows=(CreateMailbox, ModifyMailbox, TerminateMailbox), activities=MailboxActivities)


"""
ENTRY = """\
    CatalogueEntry(
        command="mailbox",
        subscription=Mailbox,
        external_system="mail_system",
        parts=_mailbox,
    ),
"""
TYPE = "from products.product_types.mailbox import Mailbox\n"
INSERTED = (
    ("catalogue.py", TYPE, "from products.product_types.user import"),
    ("catalogue.py", PARTS, "CATALOGUE: Sequence[CatalogueEntry] = ("),
    ("catalogue.py", ENTRY, ")\n\n\ndef workflows("),
)
"""The edits: the file, the text to insert, and the text that it is inserted before."""


@dataclass(frozen=True)
class Project:
    """The copy, with its worker running."""

    database_url: str
    starter: Program
    faults: Program
    """Orders faults of the mail system."""


def make_copy(copy: Path) -> None:
    """Copy the project into this directory, and add the product."""
    for path in parts_of_the_project():
        lay(ROOT, path, copy)
    for path in new_files():
        assert not (copy / path).exists(), f"{path} already exists in the project"
        lay(PRODUCT, path, copy)
    for name, inserted, before in INSERTED:
        insert(copy / name, inserted, before)


def parts_of_the_project() -> Iterator[Path]:
    """Return the files that the programs need: the modules, and all files of the packages."""
    for part in ROOT.iterdir():
        if part.suffix == ".py":
            yield part.relative_to(ROOT)
        elif (part / "__init__.py").exists() and part.name != "tests":
            yield from files_in(part, ROOT)


def new_files() -> Iterator[Path]:
    return files_in(PRODUCT, PRODUCT)


def files_in(directory: Path, root: Path) -> Iterator[Path]:
    for path in directory.rglob("*.*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(root)


def lay(root: Path, path: Path, copy: Path) -> None:
    (copy / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(root / path, copy / path)


def insert(path: Path, inserted: str, before: str) -> None:
    """Insert a text before another one, which the file must have once."""
    text = path.read_text()
    times = text.count(before)
    assert times == 1, f"{path.name} has {before!r} {times} times: insert {inserted!r} before another text"
    path.write_text(text.replace(before, inserted + before))


@asynccontextmanager
async def running(worker: Program) -> AsyncIterator[None]:
    process = await worker.start("--prepare")
    try:
        async with asyncio.timeout(30):
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
