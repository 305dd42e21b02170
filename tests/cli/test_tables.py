"""Tables fit every terminal, and a pipe gets whole lines."""

import io

import pytest
from rich.console import Console
from rich.text import Text

from cli.tables import Cell, Column, Table

ID, SHORT = "create_user_group-64f731c2-30f5", "64f731c2"
REASON = "the group management system rejects it, " * 4
TABLE = Table(
    (Column("Process"), Column("Status"), Column("Took", optional=True), Column("Reason", long=True)),
    (
        (Cell(Text(ID), Text(SHORT)), Text("parked"), Text("11 ms"), Text(REASON.strip())),
        (Cell(Text(ID), Text(SHORT)), Text("completed"), Text("7 ms"), Text("")),
    ),
)


def shown(table: Table, width: int, *, terminal: bool = True) -> list[str]:
    console = Console(file=(file := io.StringIO()), width=width, force_terminal=terminal, color_system=None)
    console.print(table, soft_wrap=not terminal)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [20, 25, 40, 80, 180, 250])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    lines = shown(TABLE, width)
    assert max(map(len, lines)) <= width
    assert " ".join(lines).count("rejects") == REASON.count("rejects")


def test_a_wide_terminal_gets_one_line_per_row() -> None:
    assert shown(TABLE, 250) == [
        "Process                          Status     Took   Reason",
        f"{ID}  parked     11 ms  {REASON.strip()}",
        f"{ID}  completed  7 ms",
    ]


def test_short_ids_come_before_more_lines() -> None:
    assert [line[: len(SHORT) + 2] for line in shown(TABLE, 190)[1:]] == [f"{SHORT}  "] * 2


def test_what_is_optional_goes_before_more_lines() -> None:
    lines = shown(TABLE, 184)
    assert lines[0] == "Process   Status     Reason"
    assert len(lines) == 3


def test_what_is_long_goes_below_its_row() -> None:
    lines = shown(TABLE, 80)
    assert lines[:2] == ["Process   Status     Took", "64f731c2  parked     11 ms"]
    assert len(lines) > 4
    assert all(line.startswith("  ") for line in lines[2:-1])
    assert lines[-1] == "64f731c2  completed  7 ms"


@pytest.mark.parametrize("width", [20, 80])
def test_a_pipe_gets_everything_in_one_line_per_row(width: int) -> None:
    assert shown(TABLE, width, terminal=False) == shown(TABLE, 250)


def test_a_table_without_rows_has_its_head() -> None:
    assert shown(Table(TABLE.columns, ()), 80) == ["Process  Status  Took  Reason"]
