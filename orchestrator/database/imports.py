"""Queries that store imported subscriptions with their trail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic_core import to_json

from orchestrator.database.connection import Connection
from orchestrator.domain.imported import WORKFLOW, SourceProcess, SourceSubscription
from orchestrator.domain.process import Target
from orchestrator.domain.subscription import SubscriptionModel


@dataclass(frozen=True)
class Importing:
    """An import: who does it, why and when."""

    by: str | None
    reason: str | None
    at: datetime


async def exists(connection: Connection, subscription_id: UUID) -> bool:
    """Return whether there is such a subscription."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM subscriptions WHERE subscription_id = $1)", subscription_id
    )
    return found


async def open_holders(connection: Connection, ids: Sequence[UUID]) -> Mapping[UUID, str]:
    """Return the open processes that hold these subscriptions, by subscription."""
    rows = await connection.fetch(
        """
        SELECT s.subscription_id, s.held_by
        FROM subscriptions s
        JOIN processes p ON p.process_id = s.held_by
        WHERE s.subscription_id = ANY ($1::uuid[]) AND p.ended_at IS NULL
        """,
        ids,
    )
    return {row["subscription_id"]: row["held_by"] for row in rows}


async def known_processes(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return those of these ids that the trail has."""
    rows = await connection.fetch("SELECT process_id FROM processes WHERE process_id = ANY ($1::text[])", ids)
    return {row["process_id"] for row in rows}


async def begin_import(connection: Connection, source: SourceSubscription, importing: Importing) -> bool:
    """Insert the trail row of the import, and lock it; return False if there is one already.

    A second import of the same subscription waits here until the first has committed.
    """
    # It never runs in Temporal, and no step of it ever runs again.
    inserted = await connection.fetchval(
        """
        INSERT INTO processes (
            process_id, first_execution_run_id, workflow, target, subscription_id, status, created_by, reason,
            started_at, ended_at, cleaned_up_at, imported_at
        )
        VALUES ($1, '', $2, $3, $4, 'completed', $5, $6, $7, $7, $7, $7)
        ON CONFLICT ON CONSTRAINT processes_pkey DO NOTHING
        RETURNING true
        """,
        source.import_id,
        WORKFLOW,
        Target.CREATE,
        source.subscription_id,
        importing.by,
        importing.reason,
        importing.at,
    )
    return inserted is not None


async def insert_processes(connection: Connection, source: SourceSubscription, importing: Importing) -> int:
    """Insert the processes of the subscription that come over; return how many are new.

    One that belongs to several subscriptions stays with the first of them that was imported.
    """
    rows = await connection.fetch(
        """
        WITH given AS (
            SELECT process_id, workflow, target, status, created_by, started_at, ended_at, last_step,
                   failed_reason, note
            FROM jsonb_to_recordset($1::jsonb) AS g (
                process_id text, workflow text, target text, status text, created_by text,
                started_at timestamptz, ended_at timestamptz, last_step text, failed_reason text, note text
            )
        ), stored AS (
            INSERT INTO processes (
                process_id, first_execution_run_id, workflow, target, subscription_id, status, created_by,
                started_at, ended_at, last_step, failed_reason, cleaned_up_at, imported_at
            )
            SELECT process_id, '', workflow, target, $2, status, created_by, started_at, ended_at, last_step,
                   failed_reason, $3, $3
            FROM given
            ON CONFLICT ON CONSTRAINT processes_pkey DO NOTHING
            RETURNING process_id
        ), noted AS (
            INSERT INTO process_events (process_id, event, number, step, reason, at)
            SELECT process_id, 'noted', 1, given.last_step, given.note, $3
            FROM given
            JOIN stored USING (process_id)
            WHERE given.note IS NOT NULL
        )
        SELECT process_id FROM stored
        """,
        to_json([_row(one) for one in source.kept_processes]).decode(),
        source.subscription_id,
        importing.at,
    )
    return len(rows)


async def insert_imported(
    connection: Connection,
    product_id: UUID,
    subscription: SubscriptionModel,
    source: SourceSubscription,
    importing: Importing,
) -> None:
    """Insert a subscription with fencing token 1, and its note."""
    began = [process.started_at for process in source.processes]
    await connection.execute(
        """
        INSERT INTO subscriptions (
            subscription_id, product_id, customer_id, description, status, held_by, discrepancy_found_by,
            start_date, end_date, note, version, fence, block, created_at
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $13)
        """,
        subscription.subscription_id,
        product_id,
        subscription.customer_id,
        subscription.description,
        subscription.status,
        subscription.held_by,
        subscription.discrepancy_found_by,
        subscription.start_date,
        subscription.end_date,
        subscription.note,
        subscription.version,
        to_json(subscription.block.own_values()).decode(),
        min([*began, subscription.start_date or importing.at]),
    )
    if subscription.note is not None:
        await connection.execute(
            "INSERT INTO subscription_notes (subscription_id, number, note, at) VALUES ($1, 1, $2, $3)",
            subscription.subscription_id,
            subscription.note,
            importing.at,
        )


def _row(process: SourceProcess) -> dict[str, object]:
    return {
        "process_id": process.process_id,
        "workflow": process.workflow,
        "target": process.target,
        "status": process.here,
        "created_by": process.created_by,
        "started_at": process.started_at,
        "ended_at": process.modified_at,
        "last_step": process.last_step,
        "failed_reason": process.reason,
        "note": process.note,
    }
