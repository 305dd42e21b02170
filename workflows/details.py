"""The current details of a process: a Markdown table of its steps, for the Web UI."""

from dataclasses import dataclass, field
from datetime import datetime

from products.process import ProcessStatus

PENDING = "–"
RUNNING = "▶ in progress"
DONE = "✓ done"
PARKED = "✗ failed, waits for `retry`"


@dataclass
class Line:
    """A step in the table."""

    title: str
    state: str = PENDING
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass
class Details:
    """What somebody sees who looks at a process."""

    title: str
    lines: list[Line]
    status: ProcessStatus = ProcessStatus.RUNNING
    facts: dict[str, str] = field(default_factory=dict)
    notice: str = ""
    """What happened and what to do, where somebody has to act or something has ended otherwise."""

    def markdown(self) -> str:
        """Return the table with what stands around it."""
        facts = [f"{name}: `{value}`" for name, value in self.facts.items()]
        table = ["| | Step | State | Started | Ended |", "|---|---|---|---|---|"]
        for number, line in enumerate(self.lines, start=1):
            times = f"{_clock(line.started_at)} | {_clock(line.ended_at)}"
            table.append(f"| {number} | {line.title} | {line.state} | {times} |")
        parts = [
            f"### {_escape(self.title)}: {self.status}",
            self.notice,
            "\n".join(table),
            " · ".join(facts),
        ]
        return "\n\n".join(part for part in parts if part)


def quoted(text: str) -> str:
    """Return somebody else's text as a Markdown quotation."""
    return "\n".join(f"> {_escape(line)}" for line in text.splitlines())


def _clock(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def _escape(text: str) -> str:
    return "".join(f"\\{one}" if one in r"\`*_{}[]<>()#+!|" else one for one in text)
