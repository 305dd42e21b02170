"""The output of the commands for people: tables, progress and errors."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.documents import Document, ProcessDocument
from orchestrator.database.processes import TrailEvent, TrailRow
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.domain.text import spelled

MARKS = {
    "completed": ("✓", "green"),
    "running": ("▶", "cyan"),
    "retrying": ("↻", "yellow"),
    "paused": ("‖", "yellow"),
    "failed": ("✗", "red"),
    "canceled": ("∅", "yellow"),
    "aborted": ("∅", "yellow"),
    "refused": ("✗", "red"),
    "lost": ("?", "red"),
}

# The answer goes to stdout, progress to stderr. Lines wrap only on a terminal.
stdout = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 200)
stderr = Console(stderr=True, highlight=False, emoji=False, width=None if sys.stderr.isatty() else 200)


def say(line: str) -> None:
    """Print progress on stderr, in one line."""
    stderr.print(_text(line, style="dim"), soft_wrap=True)


def complain(message: str) -> None:
    """Print an error on stderr, in one line."""
    stderr.print(Text.assemble(("Error: ", "bold red"), spelled(message)), soft_wrap=True)


def say_more(listed: Sequence[object], limit: int) -> None:
    """Print how to list more if the list has reached its limit."""
    if len(listed) == limit:
        say(f"There may be more; list them with: --after {listed[-1]}")


def print_process(document: ProcessDocument, events: Sequence[TrailEvent] = ()) -> None:
    """Print a process: its steps and its events."""
    stdout.print(_process(document))
    if document.parked:
        ways = ", or ".join(f"starter.py {way} {document.process_id}" for way in document.ways)
        stdout.print(_text(f"Parked. Continue with: {ways}", style="yellow"))
    for event in events:
        who = f" by {event.by}" if event.by else ""
        why = f": {event.reason}" if event.reason else ""
        where = f" at {event.step}" if event.step else ""
        stdout.print(_text(f"{_clock(event.at)}  {event.event}{who}{where}{why}"))


@contextmanager
def watching(*, quiet: bool) -> Iterator[Callable[[ProcessDocument], None]]:
    """Yield a callback that shows a process: live on a terminal, one line per change elsewhere."""
    if quiet:
        yield lambda document: None
    elif stderr.is_terminal:
        with Live(console=stderr, auto_refresh=True, transient=True) as live:
            yield lambda document: live.update(_process(document))
    else:
        yield _Lines().show


class _Lines:
    """Prints one line for each step that has changed."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    def show(self, document: ProcessDocument) -> None:
        for step in document.steps:
            line = f"{step.title}: {step.status}{_attempts(step.attempts)}"
            if step.status in {"retrying", "failed"} and step.failure:
                line += f" ({step.failure})"
            if line not in self._shown:
                self._shown.add(line)
                say(line)


def print_subscription(document: Document, trail: Sequence[TrailRow] = ()) -> None:
    """Print a subscription: its values, its relations and its trail."""
    print_facts(dict(_flat(document)))
    if trail:
        stdout.print()
        stdout.print(Text("Trail", style="bold"))
        print_processes(trail)


def print_facts(facts: Document) -> None:
    """Print names with their values, one a line."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in facts.items():
        table.add_row(Text(name, style="bold"), _text(_shown(value)))
    stdout.print(table)


def print_subscriptions(subscriptions: Sequence[SubscriptionModel]) -> None:
    """Print a list of subscriptions."""
    table = _table("Subscription", "Product", "Description", "Status", "In sync", "Version")
    for one in subscriptions:
        table.add_row(
            str(one.subscription_id),
            _text(one.product.name),
            _text(one.description),
            one.status,
            "yes" if one.insync else "no",
            str(one.version),
        )
    stdout.print(table)


def print_processes(rows: Sequence[TrailRow]) -> None:
    """Print a list of processes."""
    table = _table("Process", "Status", "By", "Started", "Took", "Reason")
    for row in rows:
        table.add_row(
            _text(row.process_id),
            _mark(row.status),
            _text(row.created_by or "-"),
            _clock(row.started_at),
            _took(row.started_at, row.ended_at),
            _text(row.failed_reason or row.reason or ""),
        )
    stdout.print(table)


def _process(document: ProcessDocument) -> RenderableType:
    status = _mark(document.status).append(", parked" if document.parked else "")
    heading = Text.assemble((spelled(document.process_id), "bold"), "  ", status)
    table = _table("Step", "Status", "Attempts", "Started", "Took", "Last failure")
    for step in document.steps:
        table.add_row(
            step.title,
            _mark(step.status),
            _shown(step.attempts),
            _clock(step.started_at),
            _took(step.started_at, step.ended_at),
            _text(step.failure or ""),
        )
    parts: list[RenderableType] = [heading, table] if document.steps else [heading]
    if document.failed_reason and document.failed_reason not in {step.failure for step in document.steps}:
        parts.append(_text(document.failed_reason, style="red"))
    return Group(*parts)


def _text(text: str, style: str = "") -> Text:
    """Return text from a user, escaped: neither the terminal nor rich interprets it."""
    return Text(spelled(text), style=style)


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=column not in {"Description", "Last failure", "Reason"})
    return table


def _shown(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def _mark(status: str) -> Text:
    mark, style = MARKS[status]
    return Text(f"{mark} {status}", style=style)


def _attempts(attempts: int | None) -> str:
    return f", attempt {attempts}" if attempts is not None and attempts > 1 else ""


def _clock(moment: datetime | None) -> str:
    if moment is None:
        return ""
    local = moment.astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M:%S}"


def _took(began: datetime | None, ended: datetime | None) -> str:
    if began is None or ended is None:
        return ""
    seconds = (ended - began).total_seconds()
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{timedelta(seconds=round(seconds))}"


def _flat(document: Document, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield prefix + name, ", ".join(map(str, value)) or None
        else:
            yield prefix + name, value
