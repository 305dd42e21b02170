"""Queries on the administrative trail and the ledger of steps."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.database import retention
from orchestrator.database.connection import Connection
from orchestrator.domain.errors import ProcessAlreadyExists, ProcessCleanedUp
from orchestrator.domain.process import Event, Process, ProcessStatus, Target
from orchestrator.domain.subscription import SubscriptionModel

ROLL_BACK = "begin_roll_back"
"""Key of the step whose ledger row marks that the process is being rolled back."""

END = "end_process"
"""Key of the step whose ledger row holds the error that ended the process before its last step."""

# Selects trail rows; each query adds its condition.
_SELECT = """
    SELECT process_id, workflow, target, subscription_id, status, created_by, reason, started_at, ended_at,
           last_step, failed_reason, imported_at, first_execution_run_id
    FROM processes
"""


class TrailRow(BaseModel):
    """A process in the trail."""

    model_config = ConfigDict(frozen=True)

    process_id: str
    workflow: str
    target: Target
    subscription_id: UUID | None
    status: ProcessStatus
    created_by: str | None
    reason: str | None
    started_at: datetime
    ended_at: datetime | None
    last_step: str | None
    failed_reason: str | None
    imported_at: datetime | None = None
    """When it was imported from another system; `None` if it ran here."""
    first_execution_run_id: str = Field("", exclude=True)
    """Run id of its first run; empty if only Temporal knows the process."""

    @property
    def parked(self) -> bool:
        """Whether it waits for a person."""
        return self.status is ProcessStatus.FAILED and self.ended_at is None


class TrailEvent(BaseModel):
    """An event of a process: it parked, or a person acted on it."""

    model_config = ConfigDict(frozen=True)

    event: Event
    step: str | None
    by: str | None
    reason: str | None
    at: datetime


async def register_process(connection: Connection, process: Process) -> None:
    """Insert the trail row of this process, or lock it until the transaction ends.

    Raises:
        ProcessAlreadyExists: when an earlier process had this id.
        ProcessCleanedUp: when the process has ended and was cleaned up: its ledger knows no results any more.
    """
    # The update changes nothing; it locks an existing row. Only a row that was inserted has no `xmax`.
    row = await connection.fetchrow(
        """
        INSERT INTO processes (
            process_id, first_execution_run_id, workflow, target, status, created_by, reason, started_at
        )
        VALUES ($1, $2, $3, $4, 'running', $5, $6, $7)
        ON CONFLICT ON CONSTRAINT processes_pkey DO UPDATE
        SET first_execution_run_id = processes.first_execution_run_id
        RETURNING first_execution_run_id, cleaned_up_at, xmax = 0 AS is_new
        """,
        process.process_id,
        process.first_execution_run_id,
        process.workflow,
        process.target,
        process.by,
        process.reason,
        process.started_at,
    )
    assert row is not None
    if row["first_execution_run_id"] != process.first_execution_run_id:
        raise ProcessAlreadyExists(process.process_id)
    # A separate statement: it sees a summary that was committed while this one waited for the row.
    if row["cleaned_up_at"] or (row["is_new"] and await retention.is_folded(connection, process)):
        raise ProcessCleanedUp(process.process_id)


async def lock_process(connection: Connection, process_id: str) -> int:
    """Lock the trail row until the transaction ends; return its revision.

    The revision changes as soon as another step of the process begins: `register_process` writes the row.
    """
    revision: int = await connection.fetchval(
        "SELECT xmin::text::bigint FROM processes WHERE process_id = $1 FOR UPDATE", process_id
    )
    return revision


async def note_step(connection: Connection, process_id: str, step: str) -> None:
    """Store in the trail which step the process has reached."""
    await connection.execute("UPDATE processes SET last_step = $2 WHERE process_id = $1", process_id, step)


async def relate_subscription(connection: Connection, process_id: str, subscription_id: UUID) -> None:
    """Store in the trail which subscription the process works on."""
    await connection.execute(
        "UPDATE processes SET subscription_id = $2 WHERE process_id = $1", process_id, subscription_id
    )


async def keep_before_image(connection: Connection, process_id: str, subscription: SubscriptionModel) -> None:
    """Store the subscription as the process locked it. Idempotent: a stored image stays."""
    await connection.execute(
        "UPDATE processes SET before_image = coalesce(before_image, $2) WHERE process_id = $1",
        process_id,
        subscription.model_dump_json(),
    )


async def read_before_image(connection: Connection, process_id: str) -> SubscriptionModel | None:
    """Return the subscription as the process locked it; `None` if the process created it."""
    image = await connection.fetchval("SELECT before_image FROM processes WHERE process_id = $1", process_id)
    return None if image is None else SubscriptionModel.model_validate_json(image)


async def committed_steps(connection: Connection, process_id: str, *steps: str) -> dict[str, str]:
    """Return the results, as JSON by step, of those of these steps that have committed."""
    rows = await connection.fetch(
        """
        SELECT step, result
        FROM process_steps
        WHERE process_id = $1 AND step = ANY ($2::text[])
        """,
        process_id,
        steps,
    )
    return {row["step"]: row["result"] for row in rows}


async def insert_step(
    connection: Connection, process_id: str, step: str, result: BaseModel, at: datetime
) -> None:
    """Insert the ledger row of a step with its result, and store in the trail that this step was the last."""
    await connection.execute(
        """
        WITH noted AS (UPDATE processes SET last_step = $2 WHERE process_id = $1)
        INSERT INTO process_steps (process_id, step, result, committed_at)
        VALUES ($1, $2, $3, $4)
        """,
        process_id,
        step,
        result.model_dump_json(),
        at,
    )


async def insert_event(
    connection: Connection, process_id: str, event: TrailEvent, number: int, *, run_id: str = ""
) -> bool:
    """Insert an event into the trail; return whether it is new. Idempotent.

    Args:
        number: sequence number among the events of the same kind, starting at 1.
        run_id: run id of the execution that numbers the event; after a reset, another one starts at 1.
    """
    written = await connection.fetchval(
        """
        INSERT INTO process_events (process_id, event, number, step, by, reason, at, run_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT ON CONSTRAINT process_events_pkey DO NOTHING
        RETURNING true
        """,
        process_id,
        event.event,
        number,
        event.step,
        event.by,
        event.reason,
        event.at,
        run_id,
    )
    return written is not None


async def append_event(connection: Connection, process_id: str, event: TrailEvent) -> None:
    """Insert an event with the next sequence number of its kind; lock the trail row for that.

    Not idempotent: each call inserts an event.
    """
    await lock_process(connection, process_id)
    number = await connection.fetchval(
        "SELECT count(*) + 1 FROM process_events WHERE process_id = $1 AND event = $2",
        process_id,
        event.event,
    )
    await insert_event(connection, process_id, event, number)


async def list_open_processes(connection: Connection) -> list[TrailRow]:
    """Return the processes that are open in the trail, oldest first."""
    rows = await connection.fetch(_SELECT + "WHERE ended_at IS NULL ORDER BY started_at, process_id")
    return [TrailRow.model_validate(dict(row)) for row in rows]


async def set_process_status(
    connection: Connection,
    process_id: str,
    status: ProcessStatus,
    *,
    failed_reason: str | None = None,
    ended_at: datetime | None = None,
) -> bool:
    """Store the status of a process in the trail, with `ended_at` if it has ended; return whether it did.

    A process that has ended keeps its status, unless it was marked as lost and has come back.
    """
    answer = await connection.execute(
        """
        UPDATE processes
        SET status = $2, failed_reason = $3, ended_at = $4
        WHERE process_id = $1 AND (ended_at IS NULL OR status = 'lost')
        """,
        process_id,
        status,
        failed_reason,
        ended_at,
    )
    return answer == "UPDATE 1"


async def read_process(connection: Connection, process_id: str) -> TrailRow | None:
    """Return the trail row of a process, or `None` if there is none."""
    row = await connection.fetchrow(_SELECT + "WHERE process_id = $1", process_id)
    return None if row is None else TrailRow.model_validate(dict(row))


async def read_processes(connection: Connection, ids: Sequence[str]) -> dict[str, TrailRow]:
    """Return the trail rows of those of these processes that have one, by id."""
    rows = await connection.fetch(_SELECT + "WHERE process_id = ANY ($1::text[])", ids)
    return {row["process_id"]: TrailRow.model_validate(dict(row)) for row in rows}


async def read_events(connection: Connection, process_id: str) -> list[TrailEvent]:
    """Return the events of a process, oldest first."""
    return (await read_all_events(connection, [process_id]))[process_id]


async def read_all_events(connection: Connection, ids: Sequence[str]) -> dict[str, list[TrailEvent]]:
    """Return the events of each of these processes, oldest first."""
    rows = await connection.fetch(
        """
        SELECT process_id, event, step, by, reason, at
        FROM process_events
        WHERE process_id = ANY ($1::text[])
        ORDER BY at, number
        """,
        ids,
    )
    events: dict[str, list[TrailEvent]] = {one: [] for one in ids}
    for row in rows:
        events[row["process_id"]].append(TrailEvent.model_validate(dict(row)))
    return events
