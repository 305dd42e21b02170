"""What a person can do next about a process."""

from collections.abc import Sequence
from uuid import UUID

from cli.documents import Document, ProcessDocument
from orchestrator.domain.process import ProcessStatus

AFTER_LOSS = "Look at what it has done in the external system, and repair that"


def next_step(document: ProcessDocument, subscription: Document | None) -> Sequence[str]:
    """Return what to do about the process, then the commands for that; empty if nothing is to be done.

    Args:
        subscription: the document of its subscription; `None` if it has none.
    """
    process_id, subscription_id = document.process_id, document.subscription_id
    holds = subscription is not None and subscription["held_by"] == process_id
    differs = subscription is not None and subscription["discrepancy_found_by"] == process_id
    if document.parked:
        return "Parked. Continue with one of:", *(f"starter.py {way} {process_id}" for way in document.ways)
    if document.status is ProcessStatus.LOST and holds:
        return f"Lost. {AFTER_LOSS}, then:", *after_loss(subscription_id)
    if document.status is ProcessStatus.FAILED and holds:
        return (
            "It has ended without unlocking its subscription. Repair the external system by hand, then:",
            f'starter.py set-in-sync {subscription_id} --reason "…"',
        )
    if document.status is ProcessStatus.FAILED and differs:
        return "Repair what differs, then:", f"starter.py validate {subscription_id}"
    if document.status is ProcessStatus.SCHEDULED:
        move = f"starter.py move {process_id} --at TIME"
        return "Scheduled. Change that with one of:", move, f"starter.py abort {process_id}"
    return _about_steps(document)


def _about_steps(document: ProcessDocument) -> Sequence[str]:
    waits = next((step for step in document.steps if step.next_attempt_at is not None), None)
    if waits is not None:
        when = f"{waits.next_attempt_at:%Y-%m-%d %H:%M:%S} UTC"
        return (
            f"{waits.title} is tried again at {when}. To try it now:",
            f"starter.py retry {document.process_id}",
        )
    paused = [step for step in document.steps if step.status == "paused"]
    return [f'{step.title} is paused in Temporal: unpause "{step.name}" in the Web UI' for step in paused]


def after_loss(subscription_id: UUID | None) -> Sequence[str]:
    """Return the commands for a process that was closed in Temporal, once its traces are repaired."""
    mark = "starter.py reconcile"
    return (
        (mark,)
        if subscription_id is None
        else (mark, f'starter.py set-in-sync {subscription_id} --reason "…"')
    )
