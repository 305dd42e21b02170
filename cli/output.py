"""The output of the commands for people: tables, progress and errors."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table as Grid
from rich.text import Text

from cli.documents import Document, ProcessDocument
from cli.invocation import typeable
from cli.tables import Cell, Column, Table
from cli.typed import random_part
from orchestrator.database.processes import TrailEvent, TrailRow
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.domain.text import spelled
from orchestrator.temporal.history import StepLog

MARKS = {
    "completed": ("✓", "green"),
    "scheduled": ("◷", "cyan"),
    "running": ("▶", "cyan"),
    "retrying": ("↻", "yellow"),
    "paused": ("‖", "yellow"),
    "failed": ("✗", "red"),
    "parked": ("✗", "red"),
    "canceled": ("∅", "yellow"),
    "aborted": ("∅", "yellow"),
    "refused": ("✗", "red"),
    "lost": ("?", "red"),
}

SHORT = 8
"""Characters of the random part of an id that a narrow terminal shows; every command takes them."""

# The answer goes to stdout, progress to stderr.
stdout = Console(highlight=False, emoji=False)
stderr = Console(stderr=True, highlight=False, emoji=False)


def say(line: str) -> None:
    """Print progress on stderr, in one line."""
    stderr.print(_text(typeable(line), style="dim"), soft_wrap=True)


def complain(message: str) -> None:
    """Print an error on stderr, in one line."""
    stderr.print(Text.assemble(("Error: ", "bold red"), spelled(typeable(message))), soft_wrap=True)


def advise(advice: Sequence[str]) -> None:
    """Print what a person can do about a process, and the commands for that, each in one line."""
    for number, line in enumerate(advice):
        stdout.print(_text("  " * (number > 0) + typeable(line), style="yellow"), soft_wrap=True)


def say_more(listed: Sequence[object], limit: int) -> None:
    """Print that a list is empty, or how to list more if it has reached its limit."""
    if not listed:
        say("Nothing fits.")
    elif len(listed) == limit:
        say(f"There may be more; list them with: --after {listed[-1]}")


def print_process(document: ProcessDocument) -> None:
    """Print a process and its steps."""
    show(_process(document))


def print_events(events: Sequence[TrailEvent]) -> None:
    """Print what happened to a process, and who acted."""
    for event in events:
        who = f" by {event.by}" if event.by else ""
        why = f": {event.reason}" if event.reason else ""
        where = f" at {event.step}" if event.step else ""
        show(_text(f"{clock(event.at)}  {event.event}{who}{where}{why}"))


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
    print_facts(dict(_flat({name: value for name, value in document.items() if name != "notes"})))
    if trail:
        stdout.print(Text("\nTrail", style="bold"))
        print_processes(trail)


def print_facts(facts: Document) -> None:
    """Print names with their values, one a line."""
    if not stdout.is_terminal:
        width = max(map(len, facts))
        for name, value in facts.items():
            show(_text(f"{name:{width}}  {_shown(value)}"))
        return
    grid = Grid(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in facts.items():
        grid.add_row(Text(name, style="bold"), _text(_shown(value)))
    show(grid)


def print_subscriptions(subscriptions: Sequence[SubscriptionModel]) -> None:
    """Print a list of subscriptions."""
    columns = (
        *(Column("Subscription"), Column("Status"), Column("In sync"), Column("Version", optional=True)),
        *(Column("Product"), Column("Description", long=True)),
    )
    rows = [
        (
            id_cell(str(one.subscription_id)),
            Text(one.status),
            Text("yes" if one.insync else "no"),
            Text(str(one.version)),
            _text(one.product.name),
            _text(one.description),
        )
        for one in subscriptions
    ]
    show(Table(columns, rows))


def print_processes(rows: Sequence[TrailRow]) -> None:
    """Print a list of processes."""
    columns = (
        *(Column("Process"), Column("Status"), Column("Workflow"), Column("Subscription")),
        *(Column("By", optional=True), Column("Started"), Column("Took", optional=True)),
        Column("Reason", long=True),
    )
    cells = [
        (
            id_cell(row.process_id),
            mark(state_of(row)),
            _text(row.workflow),
            id_cell(str(row.subscription_id or "-")),
            _text(row.created_by or "-"),
            Text(clock(row.started_at)),
            Text(_took(row.started_at, row.ended_at)),
            _text(typeable(row.failed_reason or row.reason or "")),
        )
        for row in rows
    ]
    show(Table(columns, cells))


def _process(document: ProcessDocument) -> RenderableType:
    status = mark(document.status).append(", parked" if document.parked else "")
    parts: list[RenderableType] = [Text.assemble((spelled(document.process_id), "bold"), "  ", status)]
    if document.imported_at or document.status not in {ProcessStatus.RUNNING, ProcessStatus.COMPLETED}:
        parts.append(_text(document.about))
    columns = (
        *(Column("Step"), Column("Status"), Column("Attempts"), Column("Started")),
        *(Column("Took", optional=True), Column("Last failure", long=True)),
    )
    steps = [
        (
            _text(step.title),
            mark(step.status),
            Text(_shown(step.attempts)),
            Text(clock(step.started_at)),
            Text(_took(step.started_at, step.ended_at)),
            _text(_failure(step)),
        )
        for step in document.steps
    ]
    if steps:
        parts.append(Table(columns, steps))
    if document.totals is not None:
        parts.append(Text(str(document.totals)))
    if (start := document.scheduled) is not None:
        parts.append(_text(f"{start.title}, as {start.starts}. Due: {start.when}"))
    if document.failed_reason and document.failed_reason not in {step.failure for step in document.steps}:
        parts.append(_text(typeable(document.failed_reason), style="red"))
    return Group(*parts)


def show(renderable: RenderableType) -> None:
    """Print on stdout; lines wrap only on a terminal."""
    stdout.print(renderable, soft_wrap=not stdout.is_terminal)


def state_of(row: TrailRow) -> str:
    """Return the status of a process, or that it is parked."""
    return "parked" if row.parked else row.status


def id_cell(text: str) -> Cell:
    """Return an id; in short, the beginning of its random part."""
    return Cell(_text(text), _text(random_part(text)[:SHORT] or text))


def _text(text: str, style: str = "") -> Text:
    """Return text from a user, escaped: neither the terminal nor rich interprets it."""
    return Text(spelled(text), style=style)


def _shown(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def mark(status: str) -> Text:
    mark, style = MARKS[status]
    return Text(f"{mark} {status}", style=style)


def _failure(step: StepLog) -> str:
    again = f"; next attempt: {clock(step.next_attempt_at)}" if step.next_attempt_at else ""
    return f"{step.failure or ''}{again}"


def _attempts(attempts: int | None) -> str:
    return f", attempt {attempts}" if attempts is not None and attempts > 1 else ""


def clock(moment: datetime | None) -> str:
    if moment is None:
        return ""
    in_utc, now = moment.astimezone(UTC), datetime.now(UTC)
    return f"{in_utc:%H:%M:%S}" if in_utc.date() == now.date() else f"{in_utc:%Y-%m-%d %H:%M:%S}"


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
