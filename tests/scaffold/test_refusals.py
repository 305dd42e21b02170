"""What the command refuses, each with a sentence, before it writes anything."""

import shutil
from pathlib import Path

import pytest

from scaffold.errors import CannotWrite
from scaffold.product import NewProduct
from scaffold.writing import render
from settings import ROOT
from tests.scaffold.project import LETTER_BOX, scaffold


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("LetterBox", "is no name of a product; use small letters"),
        ("letter-box", "is no name of a product"),
        ("2nd_box", "is no name of a product"),
        ("box_", "is no name of a product"),
        ("../box", "is no name of a product"),
        ("", "is no name of a product"),
        ("a" * 20, "at most 19"),
        ("class", "'class' is a keyword of Python"),
        ("match", "'match' is a keyword of Python"),
        ("status", "Every subscription has its own 'status'"),
        ("block", "Every subscription has its own 'block'"),
    ],
)
def test_a_name_that_no_product_can_have(name: str, complaint: str) -> None:
    with pytest.raises(CannotWrite, match=complaint):
        NewProduct.parse(name, ["address:name"])


@pytest.mark.parametrize(
    ("field", "complaint"),
    [
        ("quota_mb:float", r"'quota_mb:float' has no known type; give NAME:TYPE with one of: name, int, "),
        ("quota_mb", "has no known type"),
        ("quota_mb:", "has no known type"),
        ("group:Group", "has no known type"),
        ("group:UserGroup:x", "has no known type"),
        ("group:UserGroup?", "a reference is always mandatory"),
        ("member:User", "User refers to another product"),
        ("quota_mb:int:9", "has no range; give the smallest and the largest"),
        ("quota_mb:int:9..1", "has no range"),
        ("quota_mb:int:9..9", "has no range"),
        ("label:name:12", "has too much; give label:name"),
        ("locked:bool:yes", "has too much; give locked:bool"),
        ("colour:choice", "has no choices; give two or more"),
        ("colour:choice:red", "has no choices"),
        ("colour:choice:red,red", "has no choices"),
        ("colour:choice:red,sea green", "'sea green' is no choice"),
        ("Quota:int", "'Quota' is no name of a field"),
        ("class:name", "'class' is a keyword"),
        ("a" * 31 + ":name", "at most 30"),
        ("reason:name", "Every form or block has its own 'reason'"),
        ("version:int", "Every form or block has its own 'version'"),
        ("title:name", "Every form or block has its own 'title'"),
        ("dry_run:bool", "Every form or block has its own 'dry_run'"),
        ("fixed:bool", "Every form or block has its own 'fixed'"),
        ("model_dump:name", "Every form or block has its own 'model_dump'"),
        ("letter_box:name", "'letter_box' is written anyway"),
        ("letter_box_id:int", "'letter_box_id' is written anyway"),
    ],
)
def test_a_field_that_no_product_can_have(field: str, complaint: str) -> None:
    with pytest.raises(CannotWrite, match=complaint):
        NewProduct.parse("letter_box", ["address:name", field])


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (["address:name", "address:int"], "There are two fields address"),
        (["address:name", "group:UserGroup", "group_id:int"], "There are two fields group_id"),
        (["quota_mb:int", "remark:name?"], "No field can describe a subscription"),
    ],
)
def test_fields_that_cannot_stand_together(fields: list[str], complaint: str) -> None:
    with pytest.raises(CannotWrite, match=complaint):
        NewProduct.parse("letter_box", fields)


@pytest.mark.parametrize(
    ("name", "system", "complaint"),
    [
        ("letter_box", "postgres", "PostgreSQL has its own 'postgres'"),
        ("letter_box", "pg_mail", "PostgreSQL has its own 'pg_mail'"),
        ("letter_box", "Mail", "'Mail' is no name of a system"),
        ("letter_box", "user_management", "services/fake_user_management.py exists already"),
        ("user_group", "groups", "activities/user_group.py.* exists already"),
        ("subscriptions", None, "activities/subscriptions.py exists already"),
        ("steps", None, "workflows/steps exists already"),
        ("ledger", None, "LedgerProvisioning|Ledger would stand for two things in activities/ledger.py"),
        ("exception", None, "Exception would stand for two things"),
    ],
)
def test_a_name_that_stands_for_something_else(name: str, system: str | None, complaint: str) -> None:
    with pytest.raises(CannotWrite, match=complaint):
        render(NewProduct.parse(name, ["address:name"], system), ROOT)


def test_a_file_that_exists_is_not_overwritten(copy: Path) -> None:
    """Not even if it is the only one that exists."""
    mine = copy / "workflows" / "parcel_box" / "modify_parcel_box.py"
    mine.parent.mkdir()
    mine.write_text("# mine\n")
    before = sorted(copy.rglob("*.py"))
    refused = scaffold(copy, "parcel_box", *LETTER_BOX[1:])
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "workflows/parcel_box/modify_parcel_box.py exists already; remove it, or" in refused.stderr
    assert (mine.read_text(), sorted(copy.rglob("*.py"))) == ("# mine\n", before)
    shutil.rmtree(mine.parent)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (LETTER_BOX, "There is a product LetterBox already; choose another name\n"),
        (
            ("parcel", "--field", "label:name", "--system", "access_control"),
            "OfficeDoor has the external system",
        ),
    ],
)
def test_what_the_catalogue_has_is_not_made_again(
    copy: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    refused = scaffold(copy, *arguments)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert complaint in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_command_without_fields_is_wrong_usage(copy: Path) -> None:
    assert scaffold(copy, "parcel").returncode == 2
