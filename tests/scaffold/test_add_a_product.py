"""`docs/add-a-product.md` says what the command writes and takes."""

from pathlib import Path

from scaffold.fields import KIND_OF
from scaffold.product import NewProduct
from scaffold.writing import TEMPLATES
from settings import ROOT
from tests.docs.pages import Row, code, section, tables

PAGE = ROOT / "docs" / "add-a-product.md"


def rows(heading: str) -> list[Row]:
    (table,) = tables(section(PAGE, heading))
    return table


def test_the_page_names_every_file_that_is_written() -> None:
    told = {Path(path) for row in rows("Add a product") for path in code(row[0])}
    templates = {path.relative_to(TEMPLATES).with_suffix("") for path in TEMPLATES.rglob("*.template")}
    assert {path for path in templates if path.name != "__init__.py"} == told


def test_the_page_names_every_type_of_field() -> None:
    told = [name for row in rows("The types of fields") for name in code(row[0])]
    assert told == list(KIND_OF)


def test_every_example_of_a_field_is_taken() -> None:
    examples = [field for row in rows("The types of fields") for field in code(row[1])]
    assert len(examples) > len(KIND_OF)
    for field in examples:
        NewProduct.parse("letter_box", ["label:name", field])
