"""Every variable that the settings read is on the page of the configuration."""

import ast
import re

from settings import ROOT
from tests.docs.pages import code, section, tables, texts

PAGE = ROOT / "docs" / "configuration.md"


def test_every_variable_that_is_read_is_on_the_page() -> None:
    """The variables of an external system follow from its name; those of the SDK are the SDK's."""
    named = texts(ast.parse((ROOT / "settings.py").read_text()))
    read = {name for name in named if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", name)}
    told = {name for row in tables(section(PAGE, "Variables"))[0] for name in code(row[0])}
    assert "DATABASE_URL" in read
    assert sorted(read - told) == []
