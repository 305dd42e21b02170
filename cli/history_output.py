"""What the commands print about the past: notes, changes, and what cannot be known."""

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from cli.documents import Document
from cli.output import stdout
from orchestrator.domain.text import spelled


def print_notes(notes: Sequence[Document]) -> None:
    """Print the notes on a subscription, newest first; nothing if there are none."""
    if not notes:
        return
    _headline("Notes")
    for note in notes:
        moment = datetime.fromisoformat(note["at"]).astimezone()
        who = f" by {note['by']}" if note["by"] else ""
        what = f"cleared{who}" if note["note"] is None else f"noted{who}: {note['note']}"
        _line(f"{moment:%Y-%m-%d %H:%M:%S}  {what}")


def _headline(text: str) -> None:
    stdout.print()
    stdout.print(Text(text, style="bold"))


def _line(text: str) -> None:
    """Print a line; it wraps only on a terminal."""
    stdout.print(Text(spelled(text)), soft_wrap=not stdout.is_terminal)
