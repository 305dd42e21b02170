"""Every variable that the settings read is on the page of the configuration."""

import ast

from settings import ROOT
from tests.docs.pages import code, section, tables

PAGE = ROOT / "docs" / "configuration.md"


def test_every_variable_that_is_read_is_on_the_page() -> None:
    """The variables of an external system follow from its name; those of the SDK are the SDK's."""
    read: set[str] = {
        ast.literal_eval(node.args[0])
        for node in ast.walk(ast.parse((ROOT / "settings.py").read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"os.environ.get", "os.getenv"}
        and isinstance(node.args[0], ast.Constant)
    }
    told = {name for row in tables(section(PAGE, "Variables"))[0] for name in code(row[0])}
    assert "DATABASE_URL" in read
    assert sorted(read - told) == []
