"""The output about bulks for people: a list of them, one of them, and how far one is."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from cli import output
from cli.bulk_documents import BulkDocument, process_id_of
from cli.invocation import typeable
from cli.tables import Cell, Column, Table
from orchestrator.domain.bulk import RowStatus
from orchestrator.domain.text import spelled

SHOWN = 10
"""Lines of a file that are shown."""


def print_bulks(listed: Sequence[BulkDocument]) -> None:
    """Print a list of bulks."""
    columns = (
        *(Column("Bulk"), Column("Rows"), Column("Done"), Column("Failed"), Column("Parked")),
        *(Column("Open"), Column("By", optional=True), Column("Created"), Column("File", long=True)),
    )
    rows: list[tuple[Cell | Text, ...]] = [
        (
            Cell(Text(str(one.bulk_id)), Text(str(one.bulk_id)[: output.SHORT])),
            *(Text(str(number)) for number in (one.rows, one.completed, one.ended_badly, one.parked)),
            Text(str(one.waiting + one.running)),
            Text(spelled(one.created_by or "-")),
            Text(f"{one.created_at.astimezone(UTC):%Y-%m-%d %H:%M}"),
            Text(spelled(one.file_name)),
        )
        for one in listed
    ]
    output.stdout.print(Table(columns, rows), soft_wrap=not output.stdout.is_terminal)


def print_bulk(document: BulkDocument) -> None:
    """Print a bulk, the first rows that have failed, and what to do."""
    facts = {
        "bulk": document.bulk_id,
        "file": document.file_name,
        "by": document.created_by,
        "reason": document.reason,
        "created": f"{document.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        "process": process_id_of(document.bulk_id),
        "runs": document.active,
        "rows": document.rows,
        "skipped": document.skipped,
        **{name: number for name, number in document.counts if number},
    }
    output.print_facts(facts)
    shown = f"starter.py bulk {document.bulk_id}"
    print_lines([(one.line, f"{one.status}: {one.reason} ({one.process_id})") for one in document.failures])
    if document.waiting and not document.active:
        output.say(f"It has stopped before its end; run the rest with: {shown} --resume")
    elif any(one.status is not RowStatus.LOST for one in document.failures) and not document.active:
        output.say(f"When the causes are gone, run these rows again with: {shown} --retry-failed")


def print_lines(lines: Sequence[tuple[int, str]]) -> None:
    """Print the first of these lines of a file, each with what is wrong."""
    for number, text in lines[:SHOWN]:
        said = Text(spelled(typeable(f"Line {number}: {text}")), style="red")
        output.stdout.print(said, soft_wrap=True)
    if len(lines) > SHOWN:
        output.say(f"and {len(lines) - SHOWN} more; --json lists them")


def counted(number: int, noun: str) -> str:
    """Return so many things, in words."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Progress]:
    """Show, on a terminal, how many rows have ended, how many do a second, and the time that remains."""
    columns = (
        *(
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        ),
        TextColumn("{task.fields[told]}"),
    )
    hidden = quiet or not output.stderr.is_terminal
    with Progress(*columns, console=output.stderr, transient=True, disable=hidden) as progress:
        yield progress
