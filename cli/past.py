"""What was: a subscription at an earlier moment, and what a process changed."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from cli.connections import Connections
from cli.documents import Document, ProcessDocument, subscription_document
from orchestrator.database import past
from orchestrator.database.connection import Connection
from orchestrator.database.past import Lock
from orchestrator.domain.changes import OWNER, block_name, content, differences
from orchestrator.domain.errors import DomainError
from orchestrator.domain.process import ProcessStatus, Target


class NotThereYet(DomainError):
    """The subscription did not exist at that moment, or was being created."""

    def __init__(self, subscription_id: UUID, at: datetime, why: str) -> None:
        super().__init__(f"Subscription {subscription_id} was not there at {_moment(at)}: {why}")


async def with_changes(connections: Connections, document: ProcessDocument) -> ProcessDocument:
    """Return the document of a process with what it has changed so far.

    What it left is in the ledger, or is what the next process found; else it is what the subscription is now.
    """
    wanted, process_id = document.subscription_id, document.process_id
    if wanted is None:
        return document
    async with connections.pool.acquire() as connection:
        present = await subscription_document(connection, wanted)  # first: what comes later locks it first
        lock = await past.lock_of(connection, wanted, process_id)
        if lock is None or lock.before_image is None:
            return document
        following = await past.lock_after(connection, wanted, lock)
        found_later = None if following is None else following.before_image
        left = await past.kept_result(connection, process_id) or found_later
    before = content(_in_order(from_json(lock.before_image), present))
    after = content(present if left is None else from_json(left))
    unchanged = document.target is Target.VALIDATE or document.status is ProcessStatus.ABORTED
    changes = () if unchanged else differences(before, after)
    return document.model_copy(update={"changes": changes})


async def as_it_was(connection: Connection, subscription_id: UUID, at: datetime) -> Document:
    """Return the document of a subscription as it was at this moment, with remarks on what is not known.

    It is what the first process that locked it later found; else it is what it is now.

    Raises:
        SubscriptionNotFound: if there is no such subscription.
        NotThereYet: if it did not exist then, or was being created.
    """
    present = await subscription_document(connection, subscription_id)  # first, as above
    following = await past.first_lock_after(connection, subscription_id, at)
    last = await past.lock_before(connection, subscription_id, following)
    await _require_there(connection, subscription_id, at, last)
    holder = last if last is not None and last.held(at) else None
    known = holder or following
    image = present if known is None or known.before_image is None else from_json(known.before_image)
    document, remarks = await _with_references(connection, _in_order(image, present), at)
    finder = await _finder(connection, subscription_id, last, at)
    notes = [note for note in present["notes"] if datetime.fromisoformat(note["at"]) <= at]
    held_by = None if holder is None else holder.process_id
    found_by = None if finder is None else finder.process_id
    if last is None:  # no process has held it here by then: it is as it was imported
        held_by, found_by = await _imported_keepers(connection, image, at)
    return document | {
        "insync": held_by is None and found_by is None,
        "held_by": held_by,
        "discrepancy_found_by": found_by,
        "note": notes[0]["note"] if notes else None,
        "in_use_by": None,
        "notes": notes,
        "at": at.isoformat().replace("+00:00", "Z"),
        "remarks": [*_remarks(last, holder, finder, following, present), *remarks],
    }


async def _require_there(connection: Connection, wanted: UUID, at: datetime, last: Lock | None) -> None:
    created_at = await past.created_at(connection, wanted)
    assert created_at is not None  # its document was read
    if at < created_at:
        raise NotThereYet(wanted, at, f"it was created at {_moment(created_at)}")
    imported_at = await past.imported_at(connection, wanted)
    if imported_at is not None and at < imported_at:
        why = f"it was imported at {_moment(imported_at)}; what it was before that is not kept here"
        raise NotThereYet(wanted, at, why)
    if last is not None and last.target is Target.CREATE and last.held(at):
        end = last.unlocked_at or last.set_in_sync_at
        until = "is still at it" if end is None else f"held it until {_moment(end)}"
        raise NotThereYet(wanted, at, f"{last.process_id} was creating it, and {until}")


async def _imported_keepers(
    connection: Connection, image: Document, at: datetime
) -> tuple[str | None, str | None]:
    """Return what kept an imported subscription out of sync: its holder, and what found it to differ."""
    kept = image["held_by"], image["discrepancy_found_by"]
    if kept != (None, None):
        return kept
    return await past.imported_keepers(connection, UUID(str(image["subscription_id"])), at)


async def _finder(connection: Connection, wanted: UUID, last: Lock | None, at: datetime) -> Lock | None:
    """Return the validation whose discrepancy was known at this moment, given the last lock before it."""
    finder = None
    if last is None or last.set_in_sync(at):
        return None
    if (
        last.target is Target.VALIDATE
        and last.status is ProcessStatus.FAILED
        and last.unlocked_at is not None
    ):
        finder = last if last.unlocked_at <= at else None
    if last.before_image is not None and (last.status is ProcessStatus.ABORTED or last.held(at)):
        name = from_json(last.before_image)["discrepancy_found_by"]
        finder = None if name is None else await past.lock_of(connection, wanted, name)
    return None if finder is None or finder.set_in_sync(at) else finder


def _remarks(
    last: Lock | None, holder: Lock | None, finder: Lock | None, following: Lock | None, present: Document
) -> Iterator[str]:
    """Yield what has to be said of it, and what is not known."""
    if holder is not None and holder.target is Target.VALIDATE:
        yield f"{holder.process_id} was validating it"
    elif holder is not None:
        yield (
            f"{holder.process_id} was working on it: shown is what it was before that process began, at "
            f"{_moment(holder.locked_at)}; what it had changed by then is not known"
        )
    elif last is not None and last.unlocked_at is None:
        yield (
            f"{last.process_id} had ended without unlocking it, and a person had set it in sync; whether it "
            "agreed with its external system is not known"
        )
    found = (
        present if following is None or following.before_image is None else from_json(following.before_image)
    )
    if finder is None or holder is not None or finder.set_in_sync_at is not None:
        return
    if found["discrepancy_found_by"] != finder.process_id:
        yield f"{finder.process_id} had found that it differs; when it agreed again is not known"


async def _with_references(
    connection: Connection, document: Document, at: datetime
) -> tuple[Document, list[str]]:
    """Return the document with the blocks that it refers to as they were then, and the remarks on them."""
    name = block_name(document)
    block, remarks, owners = dict(document[name]), [], []
    for field, part in block.items():
        if isinstance(part, dict) and OWNER in part:
            owners.append(part[OWNER])
            owner = await as_it_was(connection, UUID(part[OWNER]), at)
            of_then = owner[block_name(owner)]
            block[field] = {one: of_then.get(one, value) for one, value in part.items()}
            remarks += [f"{field}: {remark}" for remark in owner["remarks"]]
    return document | {name: block, "depends_on": sorted(owners)}, remarks


def _in_order(image: Mapping[str, Any], present: Mapping[str, Any]) -> Document:
    """Return the image with its fields in the order of the present document; the database keeps none."""
    ordered = {name: image[name] for name in present if name in image} | dict(image)
    return {
        name: _in_order(value, present.get(name) or {}) if isinstance(value, dict) else value
        for name, value in ordered.items()
    }


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
