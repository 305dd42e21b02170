"""Queries on the locks of a subscription: which processes held it, and what it was before each."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from orchestrator.database.connection import Connection
from orchestrator.domain.process import ProcessStatus, Target


class Lock(BaseModel):
    """A process that held a subscription, from its lock until it unlocked it.

    The times are those at which the steps began. So the real lock may be later, after an outage.
    """

    model_config = ConfigDict(frozen=True)

    process_id: str
    target: Target
    status: ProcessStatus
    before_image: str | None
    """The subscription before the lock, as JSON; `None` if the process created it."""
    version: int
    """Its version before the lock; 0 if the process created it."""
    locked_at: datetime
    unlocked_at: datetime | None
    """`None` if the process has not unlocked it."""
    set_in_sync_at: datetime | None
    """When a person set in sync what it held, or what it had found to differ; `None` if nobody has."""

    def held(self, at: datetime) -> bool:
        """Return whether it still held the subscription at a moment after its lock."""
        end = self.unlocked_at or self.set_in_sync_at
        return end is None or at < end

    def set_in_sync(self, at: datetime) -> bool:
        """Return whether a person had set in sync by then what it held, or what it had found."""
        return self.set_in_sync_at is not None and self.set_in_sync_at <= at


# In order of version, because the times say when steps began: a step may begin, fail for an hour, and lock
# after another process has. Between two locks of one version nothing has changed.
_LOCKS = """
    WITH locks AS (
        SELECT p.process_id, p.target, p.status, p.before_image, l.committed_at AS locked_at,
               coalesce((p.before_image ->> 'version')::integer, 0) AS version
        FROM processes p
        JOIN process_steps l
            ON l.process_id = p.process_id AND l.step IN ('unsync', 'create_subscription')
        WHERE p.subscription_id = $1
    )
    SELECT k.process_id, k.target, k.status, k.before_image, k.version, k.locked_at,
           (
               SELECT min(u.committed_at)
               FROM process_steps u
               WHERE u.process_id = k.process_id
                 AND u.step IN ('resync', 'conclude_validation', 'roll_back: resync')
           ) AS unlocked_at,
           (
               SELECT min(e.at)
               FROM process_events e
               WHERE e.process_id = k.process_id AND e.event = 'set in sync'
           ) AS set_in_sync_at
    FROM locks k
"""
_OLDEST = "ORDER BY k.version, k.locked_at LIMIT 1"
_NEWEST = "ORDER BY k.version DESC, k.locked_at DESC LIMIT 1"


async def first_lock_after(connection: Connection, subscription_id: UUID, at: datetime) -> Lock | None:
    """Return the first lock of the subscription after this moment; `None` if there is none."""
    row = await connection.fetchrow(_LOCKS + "WHERE k.locked_at > $2 " + _OLDEST, subscription_id, at)
    return None if row is None else Lock.model_validate(dict(row))


async def lock_before(connection: Connection, subscription_id: UUID, following: Lock | None) -> Lock | None:
    """Return the last lock of the subscription before this one; the last of all if that is `None`."""
    row = await connection.fetchrow(
        _LOCKS + "WHERE $2::integer IS NULL OR (k.version, k.locked_at) < ($2, $3::timestamptz) " + _NEWEST,
        subscription_id,
        None if following is None else following.version,
        None if following is None else following.locked_at,
    )
    return None if row is None else Lock.model_validate(dict(row))


async def lock_of(connection: Connection, subscription_id: UUID, process_id: str) -> Lock | None:
    """Return the lock of the subscription by this process; `None` if it has not locked it."""
    row = await connection.fetchrow(_LOCKS + "WHERE k.process_id = $2", subscription_id, process_id)
    return None if row is None else Lock.model_validate(dict(row))


async def lock_after(connection: Connection, subscription_id: UUID, earlier: Lock) -> Lock | None:
    """Return the next lock of the subscription after this one; `None` if there is none."""
    row = await connection.fetchrow(
        _LOCKS + "WHERE (k.version, k.locked_at) > ($2, $3) " + _OLDEST,
        subscription_id,
        earlier.version,
        earlier.locked_at,
    )
    return None if row is None else Lock.model_validate(dict(row))


async def created_at(connection: Connection, subscription_id: UUID) -> datetime | None:
    """Return when the subscription was created; `None` if it does not exist."""
    moment: datetime | None = await connection.fetchval(
        "SELECT created_at FROM subscriptions WHERE subscription_id = $1", subscription_id
    )
    return moment


async def imported_at(connection: Connection, subscription_id: UUID) -> datetime | None:
    """Return when the subscription was imported with its trail; `None` if it was created here."""
    moment: datetime | None = await connection.fetchval(
        "SELECT min(imported_at) FROM processes WHERE subscription_id = $1", subscription_id
    )
    return moment


async def imported_keepers(
    connection: Connection, subscription_id: UUID, at: datetime
) -> tuple[str | None, str | None]:
    """Return what kept an imported subscription out of sync until a person set it in sync after this moment.

    The first is the process that held it, the second the validation that had found it to differ.
    """
    row = await connection.fetchrow(
        """
        SELECT CASE WHEN p.target <> 'VALIDATE' THEN p.process_id END AS held_by,
               CASE WHEN p.target = 'VALIDATE' THEN p.process_id END AS found_by
        FROM processes p
        JOIN process_events e ON e.process_id = p.process_id AND e.event = 'set in sync'
        WHERE p.subscription_id = $1 AND p.imported_at IS NOT NULL AND e.at > $2
        LIMIT 1
        """,
        subscription_id,
        at,
    )
    return (None, None) if row is None else (row["held_by"], row["found_by"])


async def kept_result(connection: Connection, process_id: str) -> str | None:
    """Return the subscription as the process left it, as JSON; `None` if the ledger does not have it."""
    result: str | None = await connection.fetchval(
        """
        SELECT result
        FROM process_steps
        WHERE process_id = $1 AND step IN ('resync', 'roll_back: resync')
          AND jsonb_typeof(result) = 'object'
        """,
        process_id,
    )
    return result
