"""Test names are short, and no sentence is a riddle."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from settings import ROOT

LONGEST_NAME = 60
"""Characters of a test name."""

RIDDLES = (
    r'("""|# )(Do nothing where|Give|Let|Say) ',  # a verb says what the function does: Raise, Yield, Assert
    r"[,;] where (it|they|there|nobody|somebody|that|this|a|the|no) ",  # a condition is `if` or `when`
    r", also where",
    r"`None` where ",
    r"as it is, ",
    r"how manieth",
)
RIDDLE = re.compile("|".join(RIDDLES))

EXEMPT = ("CONTRIBUTING.md", "tests/test_plain_english.py")
"""Files that show riddles on purpose."""


def written(ending: str) -> list[str]:
    """Return the paths of our files with this ending."""
    paths = (path.relative_to(ROOT) for path in ROOT.rglob(f"*{ending}"))
    return sorted(path.as_posix() for path in paths if not path.parts[0].startswith("."))


def lines(path: str) -> Iterator[tuple[str, str]]:
    """Yield each line of a file with its place."""
    for number, line in enumerate(Path(ROOT / path).read_text().splitlines(), start=1):
        yield f"{path}:{number}", line


def test_no_test_name_is_too_long() -> None:
    names = {
        place: name
        for path in written(".py")
        for place, line in lines(path)
        for name in re.findall(r"def (test_\w+)\(", line)
    }
    assert names
    assert {place: name for place, name in names.items() if len(name) > LONGEST_NAME} == {}


def test_no_sentence_is_a_riddle() -> None:
    paths = [path for path in written(".py") + written(".md") if path not in EXEMPT]
    assert paths
    assert {place: line for path in paths for place, line in lines(path) if RIDDLE.search(line)} == {}


@pytest.mark.parametrize(
    "riddle",
    [
        '"""Do nothing where a process may start on the subscription."""',
        '"""Let the process be found by what its subscription is."""',
        '"""Give what shows a process as it changes."""',
        '"""Say whether the stack is kept up."""',
        "# The first one counts, where there are two; where it fails, none does.",
        "# What holds here holds there, also where nobody looks.",
        '"""Return the step, or `None` where there is none."""',
        "print('A process that has ended is shown as it is, and goes.')",
        '"""The how manieth of its kind, from 1."""',
    ],
)
def test_a_riddle_is_found(riddle: str) -> None:
    assert RIDDLE.search(riddle)
