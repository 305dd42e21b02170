"""What a file of rows may look like, and the sentence for each that does not fit."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cli.row_files import LONGEST_LINE, BadRow, FileNotUsable, RawRow, read_rows
from cli.row_forms import FormRow, as_form, columns
from orchestrator.domain.errors import InvalidInput, ProductNotFound

GROUP = "64f731c2-30f5-5d90-b7b0-8f61a6fa6cce"


def read(path: Path, content: str | bytes, name: str = "rows.csv") -> list[RawRow | BadRow]:
    file = path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_rows(file, columns()))


@pytest.mark.parametrize(
    "content",
    [
        "username,age\nalice,42\n",
        "username;age\nalice;42\n",
        "username\tage\nalice\t42\n",
        "\ufeffusername;age\r\nalice;42\r\n",
        '"username","age"\n"alice","42"',
        " Username , AGE \n alice , 42 \n",
        "username,age,,\nalice,42,,\n,,,\n",
        "\n\nusername,age\n\nalice,42\n",
    ],
)
def test_a_spreadsheet_is_read(tmp_path: Path, content: str) -> None:
    [row] = read(tmp_path, content)
    assert isinstance(row, RawRow)
    assert row.values == {"username": "alice", "age": "42"}
    assert content.split("\n")[row.line - 1].strip().strip('"').startswith("alice")


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.ndjson", "rows.txt"])
def test_json_lines_are_read(tmp_path: Path, name: str) -> None:
    rows = read(tmp_path, '{"username": "alice"}\n\n{"username": "bob", "age": null}\n', name)
    assert rows == [RawRow(1, {"username": "alice"}), RawRow(3, {"username": "bob", "age": None})]


def test_an_empty_cell_is_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, "username,age,group\nalice,,x\nbob\n") == [
        RawRow(2, {"username": "alice", "group": "x"}),
        RawRow(3, {"username": "bob"}),
    ]


def test_a_quoted_cell_may_hold_what_separates_cells(tmp_path: Path) -> None:
    assert read(tmp_path, 'group_name,reason\n"A, B","say ""yes"""\n') == [
        RawRow(2, {"group_name": "A, B", "reason": 'say "yes"'})
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "rows.csv is empty"),
        (b"\n \n", "rows.csv is empty"),
        (b"\xff\xfeu\x00", "Line 1: the file is in UTF-16; save it as UTF-8"),
        (b"username\nalice\nJ\xfcrgen\n", "Line 3 is not UTF-8: it has the byte 0xFC"),
        (b"nickname,years\nalice,42\n", "Line 1 names no column that a form has; the forms know: action, "),
        (b"username,nickname\nalice,al\n", "Line 1 names the column 'nickname'; the forms know: "),
        (b"username,age,Username\nalice,42,bob\n", "Line 1 names the column 'username' 2 times"),
        (b"username,,age\nalice,,42\n", "Line 1 has a column without a name"),
        (b'username,age\nalice,42\nbob,"41\n', "Line 3 is not CSV: unexpected end of data"),
        (b"username\n" + b"a" * LONGEST_LINE, f"Line 2 is longer than {LONGEST_LINE} bytes"),
    ],
)
def test_a_file_that_is_not_usable_names_the_line(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(FileNotUsable) as refused:
        read(tmp_path, content)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("path", ["missing.csv", ""])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, path: str) -> None:
    with pytest.raises(FileNotUsable, match=r"Cannot read .*: (No such file|Is a directory)"):
        list(read_rows(tmp_path / path, columns()))


@pytest.mark.parametrize(
    ("content", "row"),
    [
        ("username,age\nalice,42,x\n", BadRow(2, "has 3 cells, but the header names 2 columns")),
        ("{}\n[1]\n", BadRow(2, 'must be one JSON object, such as {"group_name": "Support"}')),
    ],
)
def test_a_row_that_does_not_fit_is_told(tmp_path: Path, content: str, row: BadRow) -> None:
    assert read(tmp_path, content)[-1] == row


def test_a_line_that_is_not_json_does_not_stop_the_rest(tmp_path: Path) -> None:
    bad, good = read(tmp_path, '{"username": \n{"username": "alice"}\n', "rows.jsonl")
    assert isinstance(bad, BadRow)
    assert bad.reason.startswith("is not JSON: EOF while parsing a value at line ")
    assert good == RawRow(2, {"username": "alice"})


def form(option: str | None = None, /, **values: Any) -> FormRow:
    return as_form(RawRow(7, values), option)


def test_a_row_is_the_form_of_its_action_and_product() -> None:
    created = form(product="User internal", username="alice", group=GROUP)
    modified = form(action="Modify", product="User internal", subscription_id=GROUP, age="null")
    ended = form("User Group", action="terminate", subscription_id=GROUP, error="x", error_line="3")
    assert [type(one.form).__name__ for one in (created, modified, ended)] == [
        "CreateUserForm", "ModifyUserForm", "TerminateUserGroupForm",
    ]  # fmt: skip
    assert modified.form.values() == {"age": None}
    assert created.product == "User internal"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"group_name": "a"}, "Which product?"),
        ({"product": "User Group", "action": "destroy"}, "The action must be one of create, modify, termin"),
        ({"product": "User Group", "action": ["create"]}, "The action must be one of create, modify, termin"),
        ({"product": "User Group", "group_name": ""}, "Invalid CreateUserGroupForm: group_name is empty"),
        ({"product": "User Group"}, "Invalid CreateUserGroupForm: group_name is missing"),
        ({"product": "User Group", "group_name": "a", "age": 3}, "Invalid CreateUserGroupForm: age is not a"),
        (
            {"product": "User Group", "action": "modify", "group_name": "a"},
            "Invalid ModifyUserGroupForm: sub",
        ),
    ],
)
def test_values_that_do_not_fit_are_told(values: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        form(**values)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("product", ["Users", ["User Group"], 7])
def test_an_unknown_product_of_a_row_names_the_known_ones(product: object) -> None:
    with pytest.raises(ProductNotFound, match="give one of User Group, User internal, User external"):
        form(product=product, group_name="a")


def test_rows_that_ask_for_the_same_have_one_digest() -> None:
    one = form("User Group", group_name="a", by="alice", reason="x")
    same = form("User internal", product="User Group", action="CREATE", group_name=" a ")
    assert one.digest == same.digest
    assert isinstance(one.digest, UUID)


@pytest.mark.parametrize(
    "other",
    [
        {"group_name": "b"},
        {"group_name": "a", "customer_id": GROUP},
        {"action": "modify", "subscription_id": GROUP, "group_name": "a"},
    ],
)
def test_rows_that_ask_for_something_else_differ(other: dict[str, str]) -> None:
    assert form("User Group", group_name="a").digest != form("User Group", **other).digest
