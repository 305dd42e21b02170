"""What `docs/tutorial.md` shows is the code of this project, all of it that a product has."""

import ast
from pathlib import Path

import pytest

from scaffold.errors import CannotWrite
from scaffold.tutorial import PAGE, PARTS, Block, blocks, make_copy, renewed, without
from settings import ROOT

SHOWN = blocks(PAGE.read_text())
FILES = [block for block in SHOWN if block.role == "file"]
OTHERS = [block for block in SHOWN if block.role != "file"]
FILE = "<!-- file: catalogue.py -->\n```python\n{}```\n"


def label(block: Block) -> str:
    return str(block.path)


def test_a_page_is_renewed_from_the_files() -> None:
    text = (ROOT / "catalogue.py").read_text()
    assert renewed(FILE.format("")) == renewed(FILE.format("old = 1\n")) == FILE.format(text)


@pytest.mark.parametrize("block", FILES, ids=label)
def test_a_file_on_the_page_is_the_present_one(block: Block) -> None:
    renew = "run: python -m scaffold.tutorial --renew"
    assert block.text == (ROOT / block.path).read_text(), renew


@pytest.mark.parametrize("block", OTHERS, ids=label)
def test_a_part_on_the_page_is_in_its_file_once(block: Block) -> None:
    assert (ROOT / block.path).read_text().count(block.text) == 1


def test_every_marked_block_is_read() -> None:
    text = PAGE.read_text()
    assert text.count("```python\n") + text.count("```sql\n") == len(SHOWN) > 20
    assert text.count("```console\n") == len(PARTS.findall(text)) - len(SHOWN) > 5


def test_the_page_shows_every_file_of_both_products() -> None:
    rooms = ("products/product_blocks", "products/product_types", "services", "activities")
    folders = [*rooms, "workflows/user", "workflows/user_group"]
    names = {"user", "user_group", "user_management", "group_management"}
    found = {
        path.relative_to(ROOT)
        for folder in folders
        for path in (ROOT / folder).glob("*.py")
        if path.stem.removeprefix("fake_") in names or path.parent.parent.name == "workflows"
    }
    assert {path for path in found if path.name != "__init__.py"} == {block.path for block in FILES}


def test_the_catalogue_without_the_parts_of_the_page_is_empty() -> None:
    parts = [block for block in OTHERS if block.path == Path("catalogue.py")]
    tree = ast.parse(without((ROOT / "catalogue.py").read_text(), parts))
    (catalogue,) = (node.value for node in tree.body if isinstance(node, ast.AnnAssign))
    assert isinstance(catalogue, ast.Tuple)
    assert catalogue.elts == []
    assert "user" not in ast.dump(tree).lower()


def test_the_copy_goes_into_a_new_directory_only(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="exists already; name a directory that does not"):
        make_copy(tmp_path)
    assert list(tmp_path.iterdir()) == []
