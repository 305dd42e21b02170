"""The table of errors names every type that a user can see, and no other."""

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

import pytest

from orchestrator.domain.process import ProcessStatus
from settings import ROOT
from tests.docs.pages import code, tables, texts

ROOMS = ("orchestrator", "products", "services", "activities", "workflows", "cli", "stack", "trials")
SOURCES = sorted([*ROOT.glob("*.py"), *(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))])
BUILTIN = {
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)
}
MAKERS = {"ApplicationError", "LastError", "ActionRefused"}
"""What is called with the type of an error: as `type`, or as the second argument."""
OF_OTHERS = {
    "ValidationError",  # pydantic's, which an interceptor turns into a final error
    "Failure",  # what Temporal reports has no type
    # A process whose error Temporal has forgotten: `cli.following` gives it the name of its status.
    *(status.capitalize() for status in (ProcessStatus.FAILED, ProcessStatus.REFUSED, ProcessStatus.LOST)),
}


@cache
def nodes() -> list[ast.AST]:
    """Return every node of our sources."""
    return [node for source in SOURCES for node in ast.walk(ast.parse(source.read_text()))]


def classes() -> dict[str, set[str]]:
    """Return the bases of every class in our sources."""
    return {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for node in nodes()
        if isinstance(node, ast.ClassDef)
    }


def exceptions() -> set[str]:
    """Return the public exception classes of our own, without those that only others extend."""
    bases = classes()
    errors = BUILTIN | {"ApplicationError"}
    while more := {one for one, above in bases.items() if above & errors} - errors:
        errors |= more
    extended = {base for above in bases.values() for base in above}
    calls = [node.func for node in nodes() if isinstance(node, ast.Call)]
    made = {called.id for called in calls if isinstance(called, ast.Name)}
    ours = {one for one in bases if one in errors and not one.startswith("_")}
    return ours - (extended - made)


def assignments() -> dict[str, list[ast.expr]]:
    """Return what is assigned to each simple name, anywhere in our sources."""
    found: dict[str, list[ast.expr]] = defaultdict(list)
    for node in nodes():
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id].append(node.value)
    return found


def literals() -> Iterator[str]:
    """Yield the error types that are given as text, directly or through a name."""
    assigned = assignments()
    for node in nodes():
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS):
            continue
        given = [keyword.value for keyword in node.keywords if keyword.arg == "type"] + node.args[1:2]
        for value in given:
            for text in assigned[value.id] if isinstance(value, ast.Name) else [value]:
                if isinstance(text, ast.Constant | ast.IfExp):
                    yield from (one for one in texts(text) if one[:1].isupper())


def in_the_code() -> set[str]:
    return exceptions() | set(literals()) | OF_OTHERS


def on_the_page() -> list[str]:
    text = (ROOT / "docs" / "errors.md").read_text()
    return [code(row[0])[0] for table in tables(text) for row in table]


@pytest.mark.parametrize(
    "kind",
    ["StaleVersion", "NotParked", "GivenUp", "TooLate", "Aborted", "AlreadyAborted", "ConfigurationError"],
)
def test_a_type_is_found_in_the_code(kind: str) -> None:
    """One for each way in which an error gets its type."""
    assert kind in in_the_code()


def test_every_error_type_is_on_the_page() -> None:
    assert sorted(in_the_code() - set(on_the_page())) == []


def test_every_type_on_the_page_is_in_the_code() -> None:
    assert sorted(set(on_the_page()) - in_the_code()) == []


def test_no_type_is_on_the_page_twice() -> None:
    assert sorted(on_the_page()) == sorted(set(on_the_page()))


def test_every_error_has_a_meaning_and_a_remedy() -> None:
    rows = [row for table in tables((ROOT / "docs" / "errors.md").read_text()) for row in table]
    assert [row for row in rows if len(row) != 3 or not all(row)] == []
