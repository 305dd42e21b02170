"""Reads the documents: links, headings, tables and commands; and the names that linked code defines."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from settings import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
Row = tuple[str, ...]


@dataclass(frozen=True)
class Link:
    """A link from one page to a file or a heading of this repository."""

    page: Path
    text: str
    path: str
    """Empty for a heading of the same page."""
    anchor: str
    """Empty for a link to a whole file."""

    @property
    def target(self) -> Path:
        return (self.page.parent / self.path).resolve() if self.path else self.page

    def __str__(self) -> str:
        return f"{name(self.page)}: [{self.text}]({self.path}#{self.anchor})"


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def links(page: Path) -> list[Link]:
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    found = re.findall(r"\[([^\]]*)\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", prose)
    return [Link(page, *parts) for parts in found]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#+ (.*)$", prose, re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def commands(page: Path) -> list[str]:
    """Return the commands of a page's ``console`` blocks, in order."""
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def section(page: Path, heading: str) -> str:
    """Return the text under a heading, up to the next one."""
    found = re.search(
        rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", page.read_text(), re.DOTALL | re.MULTILINE
    )
    assert found, f"{name(page)} has no heading {heading!r}"
    return found[1]


def tables(text: str) -> list[list[Row]]:
    """Return the tables in a text, as rows of cells without their heads."""
    found: list[list[Row]] = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        rows = [tuple(cell.strip() for cell in line[1:-1].split(" | ")) for line in block.splitlines()]
        found.append([tuple(cell.strip("| ") for cell in row) for row in rows[2:]])
    return found


def code(cell: str) -> list[str]:
    """Return what a cell has in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def texts(tree: ast.AST) -> list[str]:
    """Return the string constants in code; the constant parts of an f-string count separately."""
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [value for value in constants if isinstance(value, str)]


@cache
def definitions(source: Path) -> frozenset[str]:
    """Return the functions, classes and constants that a Python file defines; members as `Class.name`."""
    return frozenset(_defined(ast.parse(source.read_text()).body))


def _defined(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    for node in body:
        match node:
            case ast.ClassDef():
                yield prefix + node.name
                yield from _defined(node.body, f"{node.name}.")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield prefix + node.name
            case ast.Assign():
                yield from (prefix + target.id for target in node.targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=target)):
                yield prefix + target
