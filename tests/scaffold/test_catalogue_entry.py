"""The entry of a new product finds its place in the catalogue, or the message has what to paste."""

import pytest

from scaffold.catalogue_entry import with_entry
from scaffold.errors import CannotWrite
from scaffold.product import NewProduct
from settings import ROOT

CATALOGUE = (ROOT / "catalogue.py").read_text()
LETTER_BOX = NewProduct.parse("letter_box", ["address:name"])
ENTRY = """\
    CatalogueEntry(
        command="letter-box",
        subscription=LetterBox,
        external_system="letter_box_management",
        parts=_letter_box,
    ),
)
"""
EMPTY = "from orchestrator.domain.process import Target\n\nCATALOGUE: Sequence[CatalogueEntry] = ()\n"


def test_only_lines_are_added() -> None:
    lines = iter(with_entry(CATALOGUE, LETTER_BOX).splitlines())
    assert all(line in lines for line in CATALOGUE.splitlines())


def test_the_entry_is_the_last_one() -> None:
    text = with_entry(CATALOGUE, LETTER_BOX)
    assert text.partition("CATALOGUE: Sequence")[2].partition("\n\n\n")[0].endswith(ENTRY.rstrip())


def test_the_first_entry_of_an_empty_catalogue() -> None:
    text = with_entry(EMPTY, LETTER_BOX)
    assert text.endswith(f"CATALOGUE: Sequence[CatalogueEntry] = (\n{ENTRY}")
    assert "import Target\nfrom products.product_types.letter_box import LetterBox\n" in text


@pytest.mark.parametrize("name", ["apple_box", "letter_box", "user_card", "zebra"])
def test_the_imports_stay_sorted(name: str) -> None:
    text = with_entry(CATALOGUE, NewProduct.parse(name, ["address:name"]))
    imports = [line for line in text.splitlines() if line.startswith("from products.product_types")]
    assert imports == sorted(imports)
    assert len(imports) == len(set(imports)) > 1


@pytest.mark.parametrize(
    "text",
    ["", "CATALOGUE = ()\n", "CATALOGUE: list = []\n", "CATALOGUE: tuple = (\n    1,)\n", "CATALOGUE: ("],
)
def test_a_catalogue_of_another_shape_is_not_edited(text: str) -> None:
    with pytest.raises(CannotWrite, match="Add this to it yourself") as refused:
        with_entry(text, LETTER_BOX)
    assert "from products.product_types.letter_box import LetterBox" in str(refused.value)
    assert "def _letter_box() -> Parts:" in str(refused.value)
    assert ENTRY.removesuffix(")\n").rstrip() in str(refused.value)
