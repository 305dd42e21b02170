"""What the commands print about the past: notes, changes, and what cannot be known."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.text import Text

from cli.documents import Document, ProcessDocument
from cli.output import clock, mark, print_subscription, show, stdout
from cli.tables import Column, Table
from orchestrator.database.process_lists import Validations
from orchestrator.domain.changes import Change, as_text
from orchestrator.domain.process import Target
from orchestrator.domain.text import spelled


def print_validations(folded: Validations) -> None:
    """Print the validations of a subscription in one line; nothing if there are none."""
    if folded.last_status is not None:
        often = f"{folded.number} validation{'s' * (folded.number > 1)}"
        between = f"the first {clock(folded.first_at)}, the last {clock(folded.last_at)}"
        show(Text(f"\n{often}: {between} ").append(mark(folded.last_status)))


def print_notes(notes: Sequence[Document]) -> None:
    """Print the notes on a subscription, newest first; nothing if there are none."""
    if not notes:
        return
    _headline("Notes")
    for note in notes:
        moment = datetime.fromisoformat(note["at"]).astimezone(UTC)
        who = f" by {note['by']}" if note["by"] else ""
        what = f"cleared{who}" if note["note"] is None else f"noted{who}: {note['note']}"
        _line(f"{moment:%Y-%m-%d %H:%M:%S}  {what}")


def print_changes(changes: Sequence[Change], *, otherwise: str) -> None:
    """Print each value that has changed, before and after.

    Args:
        otherwise: what to print if nothing has changed.
    """
    if not changes:
        _line(otherwise)
        return
    columns = (Column("Value"), Column("Before"), Column("After", long=True))
    rows = [[Text(spelled(shown)) for shown in _cells(one)] for one in changes]
    stdout.print(Table(columns, rows), soft_wrap=not stdout.is_terminal)


def print_changes_of(process: ProcessDocument) -> None:
    """Print what a process has changed; nothing if it is none that changes values."""
    if process.changes is None or process.target is Target.VALIDATE:
        return
    _headline("Changed" if process.ended_at is not None else "Changed so far")
    print_changes(process.changes, otherwise="no value")
    stdout.print()


def print_requested(process: ProcessDocument) -> None:
    """Print the values that a parked process was started with: one of them may need a correction."""
    if process.parked and process.requested:
        values = ", ".join(f"{name}: {as_text(value)}" for name, value in process.requested.items())
        _line(f"Requested: {values}")


def print_past(document: Document) -> None:
    """Print a subscription as it was, with the remarks on what is not known."""
    facts = {name: value for name, value in document.items() if name not in {"in_use_by", "remarks"}}
    print_subscription(facts)
    print_notes(document["notes"])
    for remark in document["remarks"]:
        stdout.print()
        _line(f"Note that {remark}")


def _cells(change: Change) -> tuple[str, str, str]:
    return change.name, as_text(change.before), as_text(change.after)


def _headline(text: str) -> None:
    stdout.print()
    stdout.print(Text(text, style="bold"))


def _line(text: str) -> None:
    """Print a line; it wraps only on a terminal."""
    stdout.print(Text(spelled(text)), soft_wrap=not stdout.is_terminal)
