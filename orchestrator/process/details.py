"""What the Web UI shows about a process: its search attributes and the process page."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from orchestrator.domain.changes import as_text, differences
from orchestrator.domain.markdown import acted, escaped, quoted
from orchestrator.domain.process import Course, Process, ProcessStatus
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.domain.text import legible
from orchestrator.process.forms import OperatorNote, StartForm
from orchestrator.process.memo import Progress, is_continued
from orchestrator.temporal import search_attributes
from orchestrator.temporal.search_attributes import WAITING
from orchestrator.temporal.waiting import Waiting

# Non-breaking spaces: the columns of the Web UI are narrow.
PENDING = "–"
RUNNING = "▶\u00a0in\u00a0progress"
DONE = "✓\u00a0done"
PARKED = "✗\u00a0failed"
INTERRUPTED = "∅\u00a0interrupted"
STOPPED = {
    ProcessStatus.FAILED: PARKED,
    ProcessStatus.REFUSED: "✗\u00a0refused",
    ProcessStatus.ABORTED: INTERRUPTED,
}
"""What is shown of a step that was running when the process ended, by how it ended."""


@dataclass
class Line:
    """A step in the table of the process page."""

    title: str
    state: str = PENDING
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass
class Details:
    """The process page: what the Web UI shows under *User Metadata*."""

    title: str
    lines: list[Line]
    changes: Callable[[], str]
    """Returns the table of what a modify changes, as it is now; empty if there is nothing to show."""
    status: str = ProcessStatus.RUNNING
    """A `ProcessStatus`; or `waiting`, while a step fails for now."""
    facts: dict[str, str] = field(default_factory=dict)
    notice: str = ""
    """What happened and what to do; empty while all is well."""
    _waiting_since: datetime | None = None
    _continued: str = ""
    """Who made it go on last, why and when; empty if nobody has."""

    def markdown(self) -> str:
        """Return the page as Markdown."""
        facts = [f"{name}: `{value}`" for name, value in self.facts.items()] + ["times in UTC"]
        table = [_row("Step", "State", "Started", "Ended"), "|---|---|---|---|"]
        day = next((line.started_at for line in self.lines if line.started_at), None)
        for number, line in enumerate(self.lines, start=1):
            started, ended = _clock(line.started_at, day), _clock(line.ended_at, day)
            table.append(_row(f"{number}\u00a0{line.title}", line.state, started, ended))
        parts = [
            f"### {escaped(self.title)}: {self.status}",
            self.notice,
            self.changes(),
            "\n".join(table),
            " · ".join(facts),
        ]
        return "\n\n".join(part for part in parts if part)

    def announce(self, process: Process) -> None:
        """Show a process that begins, and make it searchable."""
        self._set(
            search_attributes.TARGET.value_set(process.target),
            search_attributes.SUBSCRIPTION_ID.value_set(str(process.subscription_id)),
            search_attributes.PROCESS_STATUS.value_set(self.status),
        )
        self.facts["Subscription"] = str(process.subscription_id)
        self.show()

    def show_subscription(self, subscription: SubscriptionModel) -> None:
        """Set the search attributes that describe the subscription."""
        self._set(
            search_attributes.PRODUCT.value_set(subscription.product.name),
            search_attributes.CUSTOMER_ID.value_set(str(subscription.customer_id)),
        )

    def _set(self, *updates: SearchAttributeUpdate[str]) -> None:
        # The starter sends them with the start request: each upsert costs an event and a write. A run that
        # continues another one inherits them, and sets them again as it always has: its history must replay.
        present = None if is_continued() else workflow.info().typed_search_attributes
        missing = [update for update in updates if present is None or present.get(update.key) != update.value]
        if missing:
            workflow.upsert_search_attributes(missing)

    def show_status(self, status: str, notice: str) -> None:
        """Show the status of the process, and what the operator has to know or to do."""
        if status != self.status or status != WAITING:  # each costs an event
            workflow.upsert_search_attributes([search_attributes.PROCESS_STATUS.value_set(status)])
        self.status, self.notice = status, notice
        self.show()

    def show_course(
        self, course: Course, abort_reason: str, note: OperatorNote | None = None, did: str = "Retried"
    ) -> None:
        """Show that the process runs, and on which course.

        Args:
            abort_reason: who aborted it and why; may be empty.
            note: who has just made it go on, and why; `None` if nobody has.
            did: what they did.
        """
        notices = {
            Course.FORWARD: "",
            Course.FORWARD_ONLY: "The abort came too late: the process runs to its end.",
            Course.BACKWARD: f"Being rolled back.\n\n{quoted(abort_reason or 'no reason given')}",
        }
        if course is Course.BACKWARD:
            self._stop(INTERRUPTED)
        if note is not None:
            self._continued = f"{acted(did, note.by, note.reason)}, {_moment(workflow.now())}"
        parts = [notices[course], self._continued if note is not None else ""]
        self.show_status(ProcessStatus.RUNNING, "\n\n".join(part for part in parts if part))

    def show_waiting(self, step_title: str, waiting: Waiting) -> None:
        """Show that a step fails for now: why, since when, and that nobody has to act."""
        if self.status != WAITING:
            self._waiting_since = workflow.now()
        assert self._waiting_since is not None
        notice = (
            f"**{step_title}** waits since {_moment(self._waiting_since)}. "
            f"Attempt {waiting.attempt} has failed:\n\n{quoted(legible(waiting.reason))}\n\n"
            "Temporal retries it until it succeeds; *Pending Activities* shows when. You need not act."
        )
        self.show_status(WAITING, notice)

    def show_parked(self, line: Line, step_title: str, progress: Progress, *, adoptable: bool) -> None:
        """Show that the process is parked on this line: why, since when, and what the operator can do."""
        line.state = PARKED
        aborted = progress.course is not Course.FORWARD
        notice = parked_notice(step_title, progress.failure, aborted=aborted, adoptable=adoptable)
        times = "" if progress.times_parked == 1 else f" It has failed {progress.times_parked} times."
        history = f"Parked since {_moment(workflow.now())}.{times} {self._continued}".rstrip()
        self.show_status(ProcessStatus.FAILED, f"{notice}\n\n{history}")

    def show_end(self, status: ProcessStatus) -> None:
        """Show how the process has ended."""
        if status in STOPPED:
            self._stop(STOPPED[status])
        self.show_status(status, self.notice)

    def _stop(self, state: str) -> None:
        for line in self.lines:
            if line.state == RUNNING:
                line.state, line.ended_at = state, workflow.now()

    def show(self) -> None:
        """Show the page as it is now."""
        workflow.set_current_details(self.markdown())


def changes_table(progress: Progress, form: StartForm) -> str:
    """Return what a modify changes, before and after; empty as long as it has not locked its subscription."""
    if progress.before is None:
        return ""
    changed = differences(progress.before, form.values())
    if not changed:
        return "The subscription has these values already."
    after = "Asked for" if progress.course is Course.BACKWARD else "After"
    rows = [_row(*map(escaped, (one.name, as_text(one.before), as_text(one.after)))) for one in changed]
    return "\n".join([_row("Value", "Before", after), "|---|---|---|", *rows])


def parked_notice(title: str, failure: str, *, aborted: bool, adoptable: bool) -> str:
    """Return what the operator has to know and to do about a process that is parked on this step.

    Args:
        adoptable: whether the step can be adopted if its work was done by hand.
    """
    by_hand = ", or `adopt` if its work was done by hand" if adoptable else ""
    ways = (
        f"send the update `retry` when the cause is gone{by_hand}; "
        "or `give_up` to leave the subscription out of sync"
        if aborted
        else f"send the update `retry` when the cause is gone, if need be with corrected `values`{by_hand}; "
        "or request cancellation to roll it back"
    )
    return (
        f"**{title}** failed, and will not succeed by itself:\n\n{quoted(failure)}\n\n"
        f"The process waits for you: {ways}."
    )


def _row(*cells: str) -> str:
    # The Web UI leaves no room between the columns.
    return f"| {' | '.join(f'{cell}{chr(0xA0) * 3}' for cell in cells)} |"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _clock(moment: datetime | None, day: datetime | None) -> str:
    """Return the time; with the date if the first step ran on another day."""
    if moment is None or day is None:
        return ""
    return f"{moment:%H:%M:%S}" if moment.date() == day.date() else f"{moment:%Y-%m-%d\u00a0%H:%M:%S}"
