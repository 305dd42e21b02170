"""Queries on the notes that people leave on subscriptions and on processes."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from orchestrator.database import processes
from orchestrator.database.connection import Connection
from orchestrator.database.processes import TrailEvent
from orchestrator.domain.gate import SubscriptionNotFound


class Note(BaseModel):
    """A note on a subscription."""

    model_config = ConfigDict(frozen=True)

    by: str | None
    note: str | None
    """`None` if the note before was cleared."""
    at: datetime


async def note_subscription(connection: Connection, subscription_id: UUID, note: Note) -> bool:
    """Store the note as the newest of the subscription; return whether it is new. Earlier notes stay.

    Nothing else of the subscription changes, whoever holds it. Idempotent: a note that is the newest already
    is not stored again.

    Raises:
        SubscriptionNotFound: when there is no such subscription.
    """
    row = await connection.fetchrow(
        "SELECT note FROM subscriptions WHERE subscription_id = $1 FOR NO KEY UPDATE", subscription_id
    )
    if row is None:
        raise SubscriptionNotFound(subscription_id)
    if row["note"] == note.note:
        return False
    await connection.execute(
        """
        WITH newest AS (UPDATE subscriptions SET note = $3 WHERE subscription_id = $1)
        INSERT INTO subscription_notes (subscription_id, number, by, note, at)
        SELECT $1, count(*) + 1, $2, $3, $4
        FROM subscription_notes
        WHERE subscription_id = $1
        """,
        subscription_id,
        note.by,
        note.note,
        note.at,
    )
    return True


async def read_notes(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[Note]]:
    """Return the notes on each of these subscriptions, newest first."""
    rows = await connection.fetch(
        """
        SELECT subscription_id, by, note, at
        FROM subscription_notes
        WHERE subscription_id = ANY ($1::uuid[])
        ORDER BY subscription_id, number DESC
        """,
        ids,
    )
    notes: dict[UUID, list[Note]] = {one: [] for one in ids}
    for row in rows:
        notes[row["subscription_id"]].append(Note.model_validate(dict(row)))
    return notes


async def note_process(connection: Connection, process_id: str, note: TrailEvent) -> bool:
    """Append the note to the events of the process; return whether it is new.

    Idempotent: a note that is the newest of the process already is not appended again.
    """
    await processes.lock_process(connection, process_id)
    noted = [one for one in await processes.read_events(connection, process_id) if one.event == "noted"]
    if noted and (noted[-1].by, noted[-1].reason) == (note.by, note.reason):
        return False
    await processes.append_event(connection, process_id, note)
    return True
