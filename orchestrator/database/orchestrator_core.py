"""Queries on the database of orchestrator-core; they only read."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias
from uuid import UUID

import asyncpg
from pydantic_core import from_json

from orchestrator.database.connection import DatabaseUnreachable, connect
from orchestrator.domain.errors import DomainError
from orchestrator.domain.imported import SourceProduct, SourceSubscription

Source: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

AT_A_TIME = 200
"""Subscriptions that are fetched at a time; no more are in memory."""

READ = {
    "products": ("product_id", "name", "product_type"),
    "fixed_inputs": ("product_id", "name", "value"),
    "subscriptions": (
        *("subscription_id", "product_id", "customer_id", "description", "status", "insync"),
        *("start_date", "end_date", "note"),
    ),
    "subscription_instances": ("subscription_instance_id", "subscription_id"),
    "subscription_instance_values": ("subscription_instance_id", "resource_type_id", "value"),
    "subscription_instance_relations": ("in_use_by_id", "depends_on_id", "domain_model_attr"),
    "resource_types": ("resource_type_id", "resource_type"),
    "workflows": ("workflow_id", "name", "target"),
    "processes": (
        *("pid", "workflow_id", "last_status", "last_step", "started_at", "last_modified_at"),
        *("failed_reason", "created_by"),
    ),
    "processes_subscriptions": ("pid", "subscription_id"),
}
"""The tables and columns that are read."""


class SourceUnreachable(DomainError):
    """The PostgreSQL of orchestrator-core does not answer, or refuses the login."""

    def __init__(self, error: DatabaseUnreachable) -> None:
        super().__init__(f"{error.problem}: correct --database-url, or start that server")


class SourceNotReadable(DomainError):
    """The role may not read the database of orchestrator-core."""

    def __init__(self, error: asyncpg.InsufficientPrivilegeError) -> None:
        super().__init__(
            f"The role of --database-url may not read it ({error}); use another one, or let it read: "
            '"GRANT pg_read_all_data TO ROLE"'
        )


class NotOrchestratorCore(DomainError):
    """The database is none of orchestrator-core."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            "--database-url leads to no database of orchestrator-core: it has no table "
            f"{', '.join(missing)}; name its database in the URL"
        )


class OrchestratorCoreTooOld(DomainError):
    """The database belongs to a release of orchestrator-core that the import does not know."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            "This release of orchestrator-core is not known: its database has no column "
            f"{', '.join(missing)}; upgrade orchestrator-core to 5 and migrate its database, or a copy of it"
        )


_PRODUCTS = """
    SELECT p.product_id, p.name, p.product_type,
           (
               SELECT coalesce(jsonb_object_agg(f.name, f.value), '{}')
               FROM fixed_inputs f
               WHERE f.product_id = p.product_id
           ) AS fixed_inputs,
           (SELECT count(*) FROM subscriptions s WHERE s.product_id = p.product_id) AS subscriptions
    FROM products p
    ORDER BY p.name
"""

# Two columns are newer than the rest: they are read by name from the row, and are null if there are none.
_SUBSCRIPTIONS = """
    SELECT jsonb_build_object(
        'subscription_id', s.subscription_id, 'customer_id', s.customer_id, 'description', s.description,
        'status', s.status, 'insync', s.insync, 'start_date', s.start_date, 'end_date', s.end_date,
        'note', s.note, 'version', coalesce((to_jsonb(s) ->> 'version')::integer, 1),
        'blocks', coalesce((
            SELECT jsonb_agg(jsonb_build_object(
                'values', coalesce((
                    SELECT jsonb_agg(jsonb_build_array(t.resource_type, v.value))
                    FROM subscription_instance_values v
                    JOIN resource_types t USING (resource_type_id)
                    WHERE v.subscription_instance_id = i.subscription_instance_id
                ), '[]'),
                'references', coalesce((
                    SELECT jsonb_agg(jsonb_build_object(
                        'attribute', r.domain_model_attr,
                        'owner', d.subscription_id,
                        'values', coalesce((
                            SELECT jsonb_agg(jsonb_build_array(t.resource_type, v.value))
                            FROM subscription_instance_values v
                            JOIN resource_types t USING (resource_type_id)
                            WHERE v.subscription_instance_id = d.subscription_instance_id
                        ), '[]')
                    ))
                    FROM subscription_instance_relations r
                    JOIN subscription_instances d ON d.subscription_instance_id = r.depends_on_id
                    WHERE r.in_use_by_id = i.subscription_instance_id
                ), '[]')
            ))
            FROM subscription_instances i
            WHERE i.subscription_id = s.subscription_id
        ), '[]'),
        'processes', coalesce((
            SELECT jsonb_agg(jsonb_build_object(
                'process_id', p.pid, 'workflow', w.name, 'target', w.target, 'status', p.last_status,
                'created_by', p.created_by, 'started_at', p.started_at, 'modified_at', p.last_modified_at,
                'last_step', p.last_step, 'failed_reason', p.failed_reason, 'note', to_jsonb(p) ->> 'note',
                'shared', EXISTS (
                    SELECT FROM processes_subscriptions r
                    WHERE r.pid = p.pid AND r.subscription_id <> s.subscription_id
                )
            ) ORDER BY p.started_at, p.pid)
            FROM processes p
            JOIN workflows w USING (workflow_id)
            WHERE p.pid IN (
                SELECT r.pid FROM processes_subscriptions r WHERE r.subscription_id = s.subscription_id
            )
        ), '[]')
    ) AS found
    FROM subscriptions s
    WHERE s.product_id = $1
    ORDER BY s.subscription_id
"""


@asynccontextmanager
async def open_source(database_url: str) -> AsyncIterator[Source]:
    """Open the database of orchestrator-core as it is now: one snapshot, in which nothing can be written.

    Args:
        database_url: as asyncpg or as SQLAlchemy reads it.

    Raises:
        SourceUnreachable: when PostgreSQL does not answer, or refuses the login.
        SourceNotReadable: when the role may not read it.
        NotOrchestratorCore: when a table is missing.
        OrchestratorCoreTooOld: when a column is missing.
    """
    try:
        source = await connect(re.sub(r"^postgres(ql)?\+\w+://", "postgresql://", database_url))
    except DatabaseUnreachable as error:
        raise SourceUnreachable(error) from error
    try:
        # The snapshot is idle while rows are written here, which may take longer than that server allows.
        await source.execute("SET idle_in_transaction_session_timeout = 0")
        async with source.transaction(isolation="repeatable_read", readonly=True):
            await _require_tables(source)
            yield source
    except asyncpg.InsufficientPrivilegeError as error:
        raise SourceNotReadable(error) from error
    finally:
        await source.close()


async def read_products(source: Source) -> list[SourceProduct]:
    """Return its products, by name."""
    return [
        SourceProduct.model_validate(dict(row) | {"fixed_inputs": from_json(row["fixed_inputs"])})
        for row in await source.fetch(_PRODUCTS)
    ]


async def stream_subscriptions(source: Source, product_id: UUID) -> AsyncIterator[SourceSubscription]:
    """Yield the subscriptions on a product, in order of id; hold few of them in memory."""
    async for row in source.cursor(_SUBSCRIPTIONS, product_id, prefetch=AT_A_TIME):
        yield SourceSubscription.model_validate_json(row["found"])


async def count_unrelated_processes(source: Source) -> int:
    """Count the processes that belong to no subscription."""
    number: int = await source.fetchval(
        """
        SELECT count(*)
        FROM processes p
        WHERE NOT EXISTS (SELECT FROM processes_subscriptions r WHERE r.pid = p.pid)
        """
    )
    return number


async def _require_tables(source: Source) -> None:
    wanted = [(table, column) for table, columns in READ.items() for column in columns]
    rows = await source.fetch(
        """
        SELECT w.named, w.part, to_regclass(quote_ident(w.named)) IS NOT NULL AS has_table
        FROM unnest($1::text[], $2::text[]) AS w (named, part)
        WHERE NOT EXISTS (
            SELECT FROM pg_attribute a
            WHERE a.attrelid = to_regclass(quote_ident(w.named)) AND a.attname = w.part AND NOT a.attisdropped
        )
        """,
        [table for table, _ in wanted],
        [column for _, column in wanted],
    )
    if tables := dict.fromkeys(row["named"] for row in rows if not row["has_table"]):
        raise NotOrchestratorCore(list(tables))
    if rows:
        raise OrchestratorCoreTooOld([f"{row['named']}.{row['part']}" for row in rows])
