"""Files with a row for each process: CSV as spreadsheets save it, or JSON lines; read row by row."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from pydantic_core import from_json

from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import shown

LONGEST_LINE = 1_000_000
"""Bytes: longer than any row that fits a form."""

JSON_LINES = {".jsonl", ".ndjson"}
"""Endings of the names of files with JSON lines; others are recognized by their first character."""

SEPARATORS = (",", ";", "\t")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""Byte-order marks of an encoding that spreadsheets offer, too."""
UTF_8_MARK = b"\xef\xbb\xbf"


class RawRow(NamedTuple):
    """A row as the file has it."""

    line: int
    """Line in which it begins."""
    values: dict[str, Any]


class BadRow(NamedTuple):
    """A row that cannot be applied."""

    line: int
    reason: str


class FileNotUsable(InvalidInput):
    """The file cannot be read row by row; nothing was written."""


def read_rows(
    path: Path, known: Sequence[str], on_progress: Callable[[int], None] = lambda position: None
) -> Iterator[RawRow | BadRow]:
    """Yield the rows of a file.

    Args:
        known: names that a column may have.
        on_progress: is told how many bytes have been read.

    Raises:
        FileNotUsable: when the file cannot be read, or has an encoding or a header that does not fit.
    """
    try:
        with path.open("rb") as file:
            lines = _lines(file, on_progress)
            first = next(((number, line) for number, line in lines if line.strip()), None)
            if first is None:
                raise FileNotUsable(f"{shown(path.name)} is empty")
            if path.suffix.lower() in JSON_LINES or first[1].lstrip().startswith(("{", "[")):
                yield from _json_rows(_with_first(first, lines))
            else:
                yield from _csv_rows(first, lines, known)
    except OSError as error:
        raise FileNotUsable(f"Cannot read {shown(str(path), 200)}: {error.strerror or error}") from error


def _lines(file: IO[bytes], on_progress: Callable[[int], None]) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers."""
    read = 0
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), start=1):
        if number == 1 and line.startswith(UTF_16):
            raise FileNotUsable("Line 1: the file is in UTF-16; save it as UTF-8")
        if len(line) == LONGEST_LINE:
            raise FileNotUsable(f"Line {number} is longer than {LONGEST_LINE} bytes")
        read += len(line)
        on_progress(read)
        try:
            yield number, line.removeprefix(UTF_8_MARK if number == 1 else b"").decode()
        except UnicodeDecodeError as error:
            wrong = line[error.start]
            raise FileNotUsable(
                f"Line {number} is not UTF-8: it has the byte 0x{wrong:02X}; save the file as UTF-8 "
                "(in Excel: CSV UTF-8)"
            ) from None


def _with_first(first: tuple[int, str], lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from lines


def _json_rows(lines: Iterator[tuple[int, str]]) -> Iterator[RawRow | BadRow]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            values = from_json(line)
        except ValueError as error:
            yield BadRow(number, f"is not JSON: {shown(str(error), 200)}")
            continue
        if isinstance(values, dict):
            yield RawRow(number, values)
        else:
            yield BadRow(number, 'must be one JSON object, such as {"group_name": "Support"}')


def _csv_rows(
    first: tuple[int, str], lines: Iterator[tuple[int, str]], known: Sequence[str]
) -> Iterator[RawRow | BadRow]:
    separator = _separator(first[1])
    offset = first[0] - 1
    reader = csv.reader((line for _, line in _with_first(first, lines)), delimiter=separator, strict=True)
    header: list[str] | None = None
    while True:
        begins = offset + reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise FileNotUsable(f"Line {begins} is not CSV: {shown(str(error))}") from None
        if header is None:
            header = _header(cells, known, begins)
        elif any(cells):
            yield _csv_row(begins, header, cells)


def _csv_row(line: int, header: Sequence[str], cells: Sequence[str]) -> RawRow | BadRow:
    if any(cells[len(header) :]):
        return BadRow(line, f"has {len(cells)} cells, but the header names {len(header)} columns")
    return RawRow(line, {name: cell for name, cell in zip(header, cells, strict=False) if cell})


def _separator(header: str) -> str:
    """Return what separates the cells: the character that the header has most, outside quotation marks."""
    bare = re.sub('"[^"]*"', "", header)
    return max(SEPARATORS, key=bare.count)


def _header(cells: Sequence[str], known: Sequence[str], line: int) -> list[str]:
    names = [re.sub("[ -]", "_", cell.lower()) for cell in cells]
    while names and not names[-1]:  # spreadsheets save empty columns
        names.pop()
    of_the_forms = f"the forms know: {', '.join(known)}"
    if not set(names) & set(known):
        raise FileNotUsable(f"Line {line} names no column that a form has; {of_the_forms}")
    for name, times in Counter(names).items():
        if not name:
            raise FileNotUsable(f"Line {line} has a column without a name")
        if times > 1:
            raise FileNotUsable(f"Line {line} names the column '{shown(name)}' {times} times")
        if name not in known:
            raise FileNotUsable(f"Line {line} names the column '{shown(name)}'; {of_the_forms}")
    return names
