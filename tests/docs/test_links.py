"""Every link of every page leads somewhere, and what a page says of the code is there."""

import re
import subprocess
from pathlib import Path

import pytest

from settings import ROOT
from tests.docs.pages import PAGES, Link, anchors, definitions, links, name

MAP = re.compile(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?|[a-z_]+\.py)`")


def names_code(link: Link) -> bool:
    """Return whether the text of the link is a name that the linked file must define."""
    return (
        link.path.endswith(".py")
        and bool(re.fullmatch(r"`[A-Za-z_]+(\.[A-Za-z_]+)?`", link.text))
        and (not link.text.endswith(".py`"))
    )


def test_pages_links_and_names_are_found() -> None:
    found = [link for page in PAGES for link in links(page)]
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/design.md"} <= set(map(name, PAGES))
    assert len(found) > 200
    assert len([link for link in found if names_code(link)]) > 100


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_file_that_exists(page: Path) -> None:
    assert [str(link) for link in links(page) if not link.target.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_anchor_is_a_heading(page: Path) -> None:
    anchored = [link for link in links(page) if link.anchor]
    assert [str(link) for link in anchored if link.anchor not in anchors(link.target)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_linked_name_is_defined_in_its_file(page: Path) -> None:
    """A rule names the code that holds it and the tests that prove it."""
    named = [link for link in links(page) if names_code(link)]
    assert [str(link) for link in named if link.text.strip("`") not in definitions(link.target)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = MAP.findall(page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached = {link.target for link in links(ROOT / "README.md")}
    reached |= {link.target for page in reached if page.suffix == ".md" for link in links(page)}
    assert [name(page) for page in PAGES if page not in reached and page.name != "README.md"] == []


def test_the_map_of_the_house_shows_every_folder() -> None:
    """A product's own folders are no rooms."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
    rooms = {
        f"{path.split('/')[0]}/"
        for path in tracked.stdout.splitlines()
        if path.endswith(".py") and "/" in path
    }
    assert rooms <= set(MAP.findall((ROOT / "docs" / "development.md").read_text()))


def test_no_figure_is_left_out() -> None:
    blanks = [name(page) for page in PAGES if re.search(r"^[A-Z]+_[A-Z]+$", page.read_text(), re.MULTILINE)]
    assert blanks == []


def test_nothing_cites_a_document_from_elsewhere() -> None:
    """A comment that cites a page of this project names its file, which exists."""
    sources = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    cited = [
        (source, path)
        for source in sources
        for path in re.findall(r"\b(?:docs/)?[\w-]+\.md\b", (ROOT / source).read_text())
    ]
    assert [
        (source, path)
        for source, path in cited
        if not (ROOT / path).exists() and not (ROOT / "docs" / path).exists()
    ] == []
