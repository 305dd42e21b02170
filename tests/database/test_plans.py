"""PostgreSQL finds every row by an index, whatever is filtered; the plans are of the statements that run."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from orchestrator.database import (
    counts,
    findings,
    lookup,
    notes,
    open_processes,
    past,
    process_lists,
    processes,
    relations,
    retention,
    subscriptions,
)
from orchestrator.database.connection import Connection, Pool, open_pool
from orchestrator.database.filters import ProcessFilter
from orchestrator.database.migrate import migrate
from orchestrator.database.process_lists import FailedKind
from orchestrator.domain.process import ProcessStatus
from tests.conftest import new_database
from tests.database.lists import (
    AT,
    FEW,
    GROUP,
    MODIFY,
    USER,
    Ask,
    Lists,
    fold,
    lists_of_processes,
    lists_of_subscriptions,
    refer,
    searches,
)
from trials.growth.filling import fill

Explained = Callable[[Connection, Ask], Awaitable[str]]

GROWING = "|".join(
    (
        *("subscriptions", "processes", "process_steps", "process_events"),
        *("subscription_relations", "subscription_notes", "validation_findings"),
        *("validation_summaries", "bulks", "bulk_rows"),
    )
)
"""The tables that grow with use."""

MORE = (
    """
    INSERT INTO process_events (process_id, event, number, at)
    SELECT process_id, 'retried', 1, now() FROM processes
    """,
    """
    INSERT INTO subscription_notes (subscription_id, number, note, at)
    SELECT subscription_id, number, 'a note', now() FROM subscriptions, generate_series(1, 2) AS number
    """,
    """
    INSERT INTO validation_findings (process_id, first_execution_run_id, subscription_id, kind, found_at)
    SELECT 'validation-' || row_number() OVER () % 1000, 'run', subscription_id, 'failed', now()
    FROM subscriptions
    """,
    "UPDATE processes SET status = 'failed' WHERE target = 'MODIFY' AND status = 'completed'",
    "INSERT INTO validation_summaries SELECT subscription_id, created_at, created_at, 1 FROM subscriptions",
    "ANALYZE",
)
"""Makes rows of which the generator leaves few."""


@pytest.fixture(scope="module")
async def filled(postgres: str) -> AsyncIterator[Pool]:
    """A database of its own with 10,000 subscriptions: enough that an index is cheaper than a whole table."""
    await migrate(database_url := await new_database(postgres))
    await fill(database_url, blocks=10)
    async with await open_pool(database_url, size=1) as pool:
        for statement in MORE:
            await pool.execute(statement)
        yield pool


async def statements(connection: Connection, ask: Ask) -> list[tuple[str, tuple[Any, ...]]]:
    """Return the statements that this runs, with their values."""
    said: list[tuple[str, tuple[Any, ...]]] = []
    await ask(connection)  # asyncpg asks for the types, the first time
    with connection.query_logger(lambda record: said.append((record.query, tuple(record.args)))):
        await ask(connection)
        await asyncio.sleep(0)  # asyncpg tells of the last one a moment later
    return [(sql, values) for sql, values in said if re.match(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)", sql)]


async def explain(connection: Connection, ask: Ask) -> str:
    """Return the plans, for their values, of the statements that this runs."""
    async with connection.transaction():  # in which the settings of a search last
        asked = await statements(connection, ask)
        plans = [await connection.fetch(f"EXPLAIN {sql}", *values) for sql, values in asked]
    return shown(plans)


async def explain_generic(connection: Connection, ask: Ask) -> str:
    """Return the plans, for any values, of the statements that this runs in a transaction."""
    plans = []
    await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    for sql, values in await statements(connection, ask):
        await connection.execute(f"PREPARE asked AS {sql}")
        given = f"({', '.join('NULL' for _ in values)})" if values else ""
        plans.append(await connection.fetch(f"EXPLAIN EXECUTE asked {given}"))
        await connection.execute("DEALLOCATE asked")
    return shown(plans)


def shown(plans: list[list[Any]]) -> str:
    return "\n".join(line for plan in plans for (line,) in plan)


def scanned(plan: str) -> set[str]:
    """Return the growing tables that a plan reads from beginning to end."""
    return set(re.findall(rf"Seq Scan on ({GROWING})\b", plan))


def indexes(plan: str) -> set[str]:
    return set(re.findall(r"Index (?:Only )?Scan(?: Backward)? (?:using|on) (\w+)", plan))


async def missed(connection: Connection, asked: Lists) -> dict[str, str]:
    """Return the plans that read a whole table, or do without the index that they should use."""
    plans = {name: await explain(connection, ask) for name, (ask, _) in asked.items()}
    return {
        name: plan for name, plan in plans.items() if scanned(plan) or asked[name][1] not in indexes(plan)
    }


async def update(connection: Connection) -> None:
    """Store a subscription that has not changed."""
    stored = await subscriptions.read_subscription(connection, USER)
    assert stored is not None
    await subscriptions.update_subscription(connection, stored.subscription)


async def leave_note(connection: Connection) -> None:
    """Leave a note that is not the newest yet."""
    await notes.note_subscription(connection, USER, notes.Note(by=None, note=str(uuid4()), at=AT))


LOCK = past.Lock.model_construct(**dict[str, Any](version=1, locked_at=AT))
OTHERS: dict[str, Ask] = {
    "the open processes": processes.list_open_processes,
    "the counts": counts.count,
    "what is out of sync": counts.count_out_of_sync,
    "how large the tables are": counts.table_sizes,
    "what is parked": partial(
        process_lists.list_processes, status=FailedKind.PARKED, fitting=ProcessFilter(because="rejects")
    ),
    "the changes of a subscription": partial(process_lists.list_changes, subscription_id=USER),
    "its validations": partial(process_lists.fold_validations, subscription_id=USER),
    "whether a process has stopped at a step": partial(process_lists.has_step, step="nothing"),
    "whether a workflow has run": partial(process_lists.has_processes, workflow="nothing"),
    "the frequent reasons": partial(counts.frequent_reasons, limit=5),
    "the newest open processes": partial(open_processes.list_newest_open_processes, limit=5),
    "mark as lost": partial(open_processes.mark_lost, process_id=MODIFY, reason="", at=AT),
    "a process": partial(processes.read_process, process_id=MODIFY),
    "its events": partial(processes.read_events, process_id=MODIFY),
    "its before-image": partial(processes.read_before_image, process_id=MODIFY),
    "its steps": lambda connection: processes.committed_steps(connection, MODIFY, "resync", "unsync"),
    "its lock": partial(processes.lock_process, process_id=MODIFY),
    "its last step": partial(processes.note_step, process_id=MODIFY, step="resync"),
    "its subscription": partial(processes.relate_subscription, process_id=MODIFY, subscription_id=USER),
    "its status": partial(processes.set_process_status, process_id=MODIFY, status=ProcessStatus.FAILED),
    "a user, as the gate sees it": partial(relations.read_subject, subscription_id=USER),
    "a group, as the gate sees it": partial(relations.read_subject, subscription_id=GROUP),
    "the locks of the gate": partial(
        relations.lock_subject, subscription_id=USER, joined={GROUP: "UserGroup"}
    ),
    "the relations of a page": partial(relations.all_relations, ids=[USER, GROUP]),
    "the fencing token": partial(subscriptions.raise_fence, subscription_id=USER),
    "a changed subscription": update,
    "processes by their ids": partial(processes.read_processes, ids=[MODIFY, "nobody"]),
    "the events of a page": partial(processes.read_all_events, ids=[MODIFY, "nobody"]),
    "what was": partial(past.first_lock_after, subscription_id=USER, at=AT),
    "what was last": partial(past.lock_before, subscription_id=USER, following=None),
    "what was before": partial(past.lock_before, subscription_id=USER, following=LOCK),
    "what came next": partial(past.lock_after, subscription_id=USER, earlier=LOCK),
    "its lock in the trail": partial(past.lock_of, subscription_id=USER, process_id=MODIFY),
    "its creation": partial(past.created_at, subscription_id=USER),
    "what it left": partial(past.kept_result, process_id=MODIFY),
    "the notes of a page": partial(notes.read_notes, ids=[USER, GROUP]),
    "a note on a subscription": leave_note,
    "a subscription by its beginning": partial(lookup.find_subscriptions, text="c0ffee", limit=11),
    "a process by its beginning": partial(lookup.find_processes, text="create_user-c0ffee", limit=11),
    "what is due": partial(retention.lock_due, before=AT + timedelta(hours=1), limit=10),
    "what can be folded": partial(retention.list_foldable, ids=FEW),
    "the validations to fold": fold,
    "the results to drop": partial(retention.drop_results, ids=FEW, at=AT),
    "the findings to delete": partial(retention.delete_findings, before=AT, limit=10),
    "the summary of validations": partial(retention.read_summary, subscription_id=USER),
    "what refers to a process": refer,
    "the findings of a validation": partial(
        findings.read_findings, process_id="validation-7", first_execution_run_id="run"
    ),
}


async def test_a_list_of_subscriptions_uses_its_index(filled: Pool) -> None:
    async with filled.acquire() as connection:
        assert await missed(connection, lists_of_subscriptions()) == {}


async def test_a_list_of_processes_uses_its_index(filled: Pool) -> None:
    async with filled.acquire() as connection:
        assert await missed(connection, lists_of_processes()) == {}


async def test_a_search_uses_its_index(filled: Pool) -> None:
    async with filled.acquire() as connection:
        assert await missed(connection, searches()) == {}


@pytest.mark.parametrize("explained", [explain, explain_generic])
@pytest.mark.parametrize("name", OTHERS)
async def test_every_other_statement_uses_an_index(filled: Pool, name: str, explained: Explained) -> None:
    async with rolled_back(filled) as connection:
        plan = await explained(connection, OTHERS[name])
    assert indexes(plan)
    assert scanned(plan) == set(), plan


@pytest.mark.parametrize("lists", [lists_of_subscriptions, lists_of_processes, searches])
async def test_a_list_is_always_planned_for_its_values(filled: Pool, lists: Callable[[], Lists]) -> None:
    """After five times PostgreSQL may keep a plan for any values, which can use no filter."""
    async with rolled_back(filled) as connection:
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        asked = {sql for ask, _ in lists().values() for sql, _ in await statements(connection, ask)}
        plans = await connection.fetch("SELECT statement, generic_plans FROM pg_prepared_statements")
    pages = [
        row["generic_plans"] for row in plans if row["statement"] in asked and "LIMIT" in row["statement"]
    ]
    assert pages
    assert set(pages) == {0}


@pytest.mark.parametrize(
    "index",
    [
        "subscriptions_by_product_and_status",
        "subscriptions_out_of_sync_by_status",
        "processes_by_status",
        "processes_of_subscription",
        "processes_parked",
        "processes_failed_validations",
        *sorted({index for _, index in searches().values()} - {"subscriptions_out_of_sync_by_status"}),
    ],
)
async def test_a_list_without_its_index_is_noticed(filled: Pool, index: str) -> None:
    async with rolled_back(filled) as connection:
        await connection.execute(f"DROP INDEX {index}")
        assert await missed(connection, lists_of_subscriptions() | lists_of_processes() | searches())


@pytest.mark.parametrize(
    ("index", "name"),
    [
        ("processes_open_by_start", "the open processes"),
        ("subscription_relations_in_use_by", "a user, as the gate sees it"),
        ("subscriptions_by_description", "a subscription by its beginning"),
        ("processes_by_beginning", "a process by its beginning"),
        ("processes_by_random_part", "a process by its beginning"),
        ("processes_to_clean_up", "what is due"),
        ("subscriptions_held_by", "what refers to a process"),
        ("subscriptions_discrepancy_found_by", "what refers to a process"),
        ("validation_findings_by_time", "the findings to delete"),
    ],
)
async def test_another_statement_without_index_is_noticed(filled: Pool, index: str, name: str) -> None:
    async with rolled_back(filled) as connection:
        await connection.execute(f"DROP INDEX {index}")
        assert scanned(await explain(connection, OTHERS[name]))


@asynccontextmanager
async def rolled_back(pool: Pool) -> AsyncIterator[Connection]:
    """Yield a connection in a transaction that is rolled back."""
    async with pool.acquire() as connection:
        undone = connection.transaction()
        await undone.start()
        try:
            yield connection
        finally:
            await undone.rollback()
