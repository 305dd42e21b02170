"""`docs/add-a-product.md` names every file that a new product adds or edits."""

import re
from pathlib import Path

from settings import ROOT
from tests.mailbox.project import ENTRY, PRODUCT, parts_of_the_project

PAGE = (ROOT / "docs" / "add-a-product.md").read_text()
PATHS = set(re.findall(r"`((?:\w+/)*\w+(?:\.py|/))`", PAGE))


def edited(copy: Path) -> set[str]:
    """Return the existing files that differ in the copy."""
    parts = parts_of_the_project()
    return {str(path) for path in parts if (copy / path).read_bytes() != (ROOT / path).read_bytes()}


def test_a_product_edits_one_existing_file(copy: Path) -> None:
    assert edited(copy) == {"catalogue.py"}


def test_the_page_names_the_files_that_are_edited(copy: Path) -> None:
    assert set(re.findall(r"^\| `([\w.]+)` \|", PAGE, re.MULTILINE)) == edited(copy)


def test_every_file_that_the_page_names_exists(copy: Path) -> None:
    assert len(PATHS) > 12
    assert {path for path in PATHS if not (copy / path).exists() and not (ROOT / path).exists()} == set()


def test_the_page_names_every_new_file() -> None:
    modules = {path.relative_to(PRODUCT) for path in PRODUCT.rglob("[!_]*.py")}
    assert {str(path) for path in modules if not named(path)} == set()


def named(path: Path) -> bool:
    """Return whether the page names the file or its folder."""
    return not PATHS.isdisjoint({str(path), f"{path.parent}/"})


def test_the_page_shows_the_entry_of_the_mailbox() -> None:
    assert "".join(ENTRY.split()) in "".join(PAGE.split())
