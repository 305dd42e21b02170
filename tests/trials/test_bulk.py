"""The measurement of a file of creates tells its rate beside that of creates one by one."""

from pathlib import Path

from cli.row_files import RawRow, read_rows
from cli.row_forms import as_form, columns
from trials.bulk import Result, rows_of, write_rows

RESULT = Result(
    rows=10_000,
    at_once=20,
    singly_before_per_second=24,
    singly_after_per_second=26,
    upload_seconds=2,
    bulk_per_second=22.5,
    first_per_second=22,
    last_per_second=23,
    singly_cpu_ms=70,
    bulk_cpu_ms=75,
    memory_before_mib=[100, 101],
    memory_after_mib=[102, 103],
)


def test_the_rate_is_compared_with_that_before_and_after() -> None:
    told = dict(rows_of(RESULT))
    assert told["a file of 10,000 creates"] == "22.5 a second"
    assert told["its rate, of that one by one"] == "90%"
    assert told["memory of the workers, MiB, before and after"] == "100 and 101; 102 and 103"


def test_every_row_that_is_measured_fits(tmp_path: Path) -> None:
    write_rows(tmp_path / "groups.csv", 3)
    rows = list(read_rows(tmp_path / "groups.csv", columns()))
    assert all(isinstance(row, RawRow) for row in rows)
    titles = [as_form(row, None).form.title for row in rows if isinstance(row, RawRow)]
    assert titles == [f'Create user group "Group {number}"' for number in range(3)]
