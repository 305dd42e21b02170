"""Illegal rows cannot be stored; the name of the constraint says why."""

import asyncpg
import pytest

from orchestrator.database.connection import Pool
from tests.database.stored import store_process, store_subscription

OF_SUBSCRIPTIONS = [
    ("subscriptions_status_known", "SET status = 'halted'"),
    ("subscriptions_started", "SET status = 'active'"),
    ("subscriptions_ended", "SET status = 'terminated'"),
    ("subscriptions_ended", "SET end_date = created_at"),
    ("subscriptions_version_positive", "SET version = 0"),
    ("subscriptions_product_known", "SET product_id = gen_random_uuid()"),
    ("subscriptions_holder_known", "SET held_by = 'nobody'"),
    ("subscriptions_discrepancy_known", "SET discrepancy_found_by = 'nobody'"),
]

OF_PROCESSES = [
    ("processes_status_known", "SET status = 'halted', ended_at = started_at"),
    ("processes_target_known", "SET target = 'DELETE'"),
    ("processes_ended", "SET ended_at = started_at"),
    ("processes_ended", "SET status = 'completed'"),
    ("processes_ended", "SET status = 'aborted'"),
    ("processes_ended", "SET status = 'refused'"),
    ("processes_ended", "SET status = 'lost'"),
    ("processes_imported_ended", "SET imported_at = started_at"),
]

OF_RELATIONS = [
    ("subscription_relations_not_itself", "SELECT $1::uuid, $1::uuid"),
    ("subscription_relations_subscription_known", "SELECT gen_random_uuid(), $1::uuid"),
    ("subscription_relations_dependency_known", "SELECT $1::uuid, gen_random_uuid()"),
]

OF_STEPS_AND_EVENTS = [
    ("process_steps_process_known", "process_steps VALUES ($1 || '?', 'resync', '{}', now())"),
    (
        "process_events_process_known",
        "process_events VALUES ($1 || '?', 'parked', 1, null, null, null, now())",
    ),
    ("process_events_known", "process_events VALUES ($1, 'forgotten', 1, null, null, null, now())"),
]

TWICE = [
    ("products_name_key", "products SELECT gen_random_uuid(), 'User Group', 'UserGroup', 'GROUP', 'another'"),
]

OF_VALIDATIONS = [
    (
        "validation_findings_subscription_known",
        "validation_findings SELECT 'v', $1::uuid::text, gen_random_uuid(), 'failed', now()",
    ),
    ("validation_findings_kind_known", "validation_findings SELECT 'v', 'r', $1::uuid, 'fine', now()"),
    (
        "validation_summaries_subscription_known",
        "validation_summaries SELECT gen_random_uuid(), now(), now(), length($1::uuid::text)",
    ),
    ("validation_summaries_not_empty", "validation_summaries SELECT $1::uuid, now(), now(), 0"),
]

OF_BULKS = [
    (
        "bulk_rows_bulk_known",
        "bulk_rows SELECT gen_random_uuid(), 2, 'w', 'p', '{}', gen_random_uuid(), 'a', 'waiting'",
    ),
    (
        "bulk_rows_status_known",
        "bulk_rows SELECT bulk_id, 2, 'w', 'p', '{}', bulk_id, 'a', 'halted' FROM bulks LIMIT 1",
    ),
]

OF_NOTES = [("subscription_notes_subscription_known", "VALUES (gen_random_uuid(), 1, null, 'a', now())")]

NAMESPACES = [("temporal_namespace_only_row", "temporal_namespace VALUES (false, 'an id', 'a', 'b:1')")]


async def refuse(pool: Pool, constraint: str, statement: str, *arguments: object) -> None:
    """Assert that the statement violates this constraint."""
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=f'constraint "{constraint}"'):
        await pool.execute(statement, *arguments)


@pytest.mark.parametrize(("constraint", "change"), OF_SUBSCRIPTIONS)
async def test_an_illegal_subscription_is_refused(pool: Pool, constraint: str, change: str) -> None:
    subscription = await store_subscription(pool)
    update = f"UPDATE subscriptions {change} WHERE subscription_id = $1"
    await refuse(pool, constraint, update, subscription.subscription_id)


@pytest.mark.parametrize(("constraint", "change"), OF_PROCESSES)
async def test_an_illegal_process_is_refused(pool: Pool, constraint: str, change: str) -> None:
    process = await store_process(pool)
    update = f"UPDATE processes {change} WHERE process_id = $1"
    await refuse(pool, constraint, update, process.process_id)


@pytest.mark.parametrize(("constraint", "pair"), OF_RELATIONS)
async def test_an_illegal_relation_is_refused(pool: Pool, constraint: str, pair: str) -> None:
    subscription = await store_subscription(pool)
    insert = f"INSERT INTO subscription_relations (subscription_id, depends_on) {pair}"
    await refuse(pool, constraint, insert, subscription.subscription_id)


@pytest.mark.parametrize(("constraint", "row"), OF_STEPS_AND_EVENTS)
async def test_an_illegal_step_or_event_is_refused(pool: Pool, constraint: str, row: str) -> None:
    process = await store_process(pool)
    await refuse(pool, constraint, f"INSERT INTO {row}", process.process_id)


@pytest.mark.parametrize(("constraint", "row"), OF_VALIDATIONS)
async def test_an_illegal_finding_or_summary_is_refused(pool: Pool, constraint: str, row: str) -> None:
    subscription = await store_subscription(pool)
    await refuse(pool, constraint, f"INSERT INTO {row}", subscription.subscription_id)


@pytest.mark.parametrize(("constraint", "row"), OF_NOTES)
async def test_an_illegal_note_is_refused(pool: Pool, constraint: str, row: str) -> None:
    await refuse(pool, constraint, f"INSERT INTO subscription_notes {row}")


@pytest.mark.parametrize(("constraint", "row"), OF_BULKS)
async def test_an_illegal_row_of_a_bulk_is_refused(pool: Pool, constraint: str, row: str) -> None:
    await pool.execute(
        "INSERT INTO bulks (bulk_id, file_name, created_at, rows, skipped)"
        " SELECT gen_random_uuid(), 'a.csv', now(), 1, 0"
    )
    await refuse(pool, constraint, f"INSERT INTO {row}")


@pytest.mark.parametrize(("constraint", "row"), TWICE)
async def test_two_products_with_one_name_are_refused(pool: Pool, constraint: str, row: str) -> None:
    await refuse(pool, constraint, f"INSERT INTO {row}")


@pytest.mark.parametrize(("constraint", "row"), NAMESPACES)
async def test_a_second_namespace_is_refused(pool: Pool, constraint: str, row: str) -> None:
    await refuse(pool, constraint, f"INSERT INTO {row}")


async def test_every_constraint_is_tested(pool: Pool) -> None:
    known = await pool.fetch(
        """
        SELECT conname
        FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'u')
        """
    )
    cases = (
        OF_SUBSCRIPTIONS
        + OF_PROCESSES
        + OF_RELATIONS
        + OF_STEPS_AND_EVENTS
        + OF_VALIDATIONS
        + OF_NOTES
        + OF_BULKS
        + TWICE
        + NAMESPACES
    )
    assert {row["conname"] for row in known} == {constraint for constraint, _ in cases}


async def test_a_parked_process_is_open_and_a_given_up_one_has_ended(pool: Pool) -> None:
    parked, given_up = await store_process(pool), await store_process(pool)
    fail = "UPDATE processes SET status = 'failed', ended_at = $2 WHERE process_id = $1"

    await pool.execute(fail, parked.process_id, None)
    await pool.execute(fail, given_up.process_id, given_up.started_at)


@pytest.mark.parametrize(
    ("held_by", "discrepancy_found_by", "insync"),
    [(False, False, True), (True, False, False), (False, True, False), (True, True, False)],
)
async def test_the_database_derives_insync_from_holder_and_discrepancy(
    pool: Pool, *, held_by: bool, discrepancy_found_by: bool, insync: bool
) -> None:
    subscription, process = await store_subscription(pool), await store_process(pool)
    update = """
        UPDATE subscriptions
        SET held_by = $2, discrepancy_found_by = $3
        WHERE subscription_id = $1
        RETURNING insync
        """
    holder, finder = (process.process_id if there else None for there in (held_by, discrepancy_found_by))

    assert await pool.fetchval(update, subscription.subscription_id, holder, finder) is insync


async def test_insync_cannot_be_written(pool: Pool) -> None:
    process = await store_process(pool)
    subscription = await store_subscription(pool, held_by=process.process_id)
    update = "UPDATE subscriptions SET insync = true WHERE subscription_id = $1"

    with pytest.raises(asyncpg.GeneratedAlwaysError, match='column "insync"'):
        await pool.execute(update, subscription.subscription_id)
