"""What an import brings over from a recorded database of orchestrator-core."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest
from temporalio.client import Client

from orchestrator.database import imports
from orchestrator.database.connection import Pool
from orchestrator.operations.import_orchestrator import ImportReport
from orchestrator.operations.reconcile import reconcile
from tests.importing.conftest import AT, Run

Source = Any  # a connection of asyncpg

OF_GROUP = "SELECT subscription_id FROM subscriptions WHERE description = $1"

TABLES = ("subscriptions", "subscription_relations", "subscription_notes", "processes", "process_events")


async def everything(pool: Pool) -> dict[str, list[str]]:
    """Return all rows of our database that an import could write."""
    return {
        table: [row[0] for row in await pool.fetch(f"SELECT t::text FROM {table} t ORDER BY 1")]
        for table in TABLES
    }


async def one(pool: Pool, description: str) -> asyncpg.Record:
    """Return the imported subscription with this description."""
    row = await pool.fetchrow("SELECT * FROM subscriptions WHERE description = $1", description)
    assert row is not None, description
    return row


def reasons(report: ImportReport) -> dict[str, str]:
    return {refused.description: refused.reason for refused in report.refused}


async def test_every_subscription_comes_over_with_its_id(run: Run, pool: Pool, source: Source) -> None:
    report = await run()
    refused = {refused.subscription_id for refused in report.refused}
    there = await source.fetch(
        """
        SELECT subscription_id, s.description, s.status, insync, start_date, s.end_date, note, version
        FROM subscriptions s JOIN products p USING (product_id) WHERE p.name <> 'Mail list' ORDER BY 1
        """
    )
    here = await pool.fetch(
        """
        SELECT subscription_id, description, status, insync, start_date, end_date, note, version
        FROM subscriptions ORDER BY 1
        """
    )
    assert len(here) > 40
    assert [tuple(row) for row in here] == [tuple(row) for row in there if row[0] not in refused]


async def test_a_user_belongs_to_its_group(run: Run, pool: Pool) -> None:
    await run()
    group, user = await one(pool, "User group Operators"), await one(pool, "User user1 of Network operators")
    found = await pool.fetch(
        "SELECT subscription_id FROM subscription_relations WHERE depends_on = $1", group["subscription_id"]
    )
    assert len(found) == 40
    assert user["subscription_id"] in {row[0] for row in found}
    assert str(group["subscription_id"]) in user["block"]
    assert '"age": 21' in user["block"]


async def test_the_trail_comes_over(run: Run, pool: Pool) -> None:
    await run()
    group = await one(pool, "User group Operators")
    trail = await pool.fetch(
        """
        SELECT workflow, target, status, created_by, imported_at FROM processes
        WHERE subscription_id = $1 ORDER BY workflow = 'import_orchestrator', started_at
        """,
        group["subscription_id"],
    )
    assert [tuple(row) for row in trail] == [
        ("create_user_group", "CREATE", "completed", "alice", AT),
        ("modify_user_group", "MODIFY", "completed", "bob", AT),
        ("validate_user_group", "VALIDATE", "completed", "alice", AT),
        ("import_orchestrator", "CREATE", "completed", "dora", AT),
    ]


async def test_out_of_sync_subscriptions_stay_so(run: Run, pool: Pool) -> None:
    """By the process that failed last; by a known discrepancy after a validation; else by the import."""
    await run()
    made = await one(pool, "User group Half made")
    failed = await pool.fetchrow("SELECT * FROM processes WHERE process_id = $1", made["held_by"])
    assert failed is not None
    assert (made["status"], failed["status"]) == ("provisioning", "failed")
    assert "says no at provision" in failed["failed_reason"]
    differs = await one(pool, "User group Differs")
    assert (differs["held_by"], differs["discrepancy_found_by"] is None) == (None, False)
    by_hand = await one(pool, "User group Set out of sync by hand")
    assert by_hand["held_by"] == f"import-{by_hand['subscription_id']}"


async def test_what_has_no_counterpart_is_refused_with_the_reason(run: Run) -> None:
    report = await run()
    why = reasons(report)
    assert "its status is disabled" in why["User group Disabled"]
    assert "ask_about_user_group) is suspended there" in why["User group Waits for a person"]
    assert "customer_id" in why["User group Without its customer"]
    assert "which was not imported" in why["User lonely of Without its customer"]
    (mail,) = [product for product in report.products if product.product == "Mail list"]
    assert mail.reason == "no product of the type UserGroup here has its name; there are User Group"
    assert not report.complete


async def test_processes_that_stay_there_are_counted(run: Run, source: Source) -> None:
    report = await run()
    assert report.left_behind == {"belongs to no subscription": 1, "has the target RECONCILE": 1}


async def test_a_second_import_changes_nothing(run: Run, pool: Pool) -> None:
    first = await run()
    before = await everything(pool)
    second = await run()
    assert await everything(pool) == before
    assert (second.processes, sum(one.imported for one in second.products)) == (0, 0)
    assert sum(one.here_already for one in second.products) == sum(one.imported for one in first.products)


async def test_what_changed_here_is_not_overwritten(run: Run, pool: Pool) -> None:
    await run()
    await pool.execute("UPDATE subscriptions SET description = 'changed', version = 9")
    before = await everything(pool)
    await run()
    assert await everything(pool) == before


async def test_a_dry_run_reports_the_same_and_writes_nothing(run: Run, pool: Pool) -> None:
    before = await everything(pool)
    dry = await run(dry_run=True)
    assert await everything(pool) == before
    assert dry.model_copy(update={"dry_run": False}) == await run()


@pytest.mark.parametrize("moment", ["begin_import", "insert_processes", "insert_imported"])
async def test_an_import_that_dies_is_completed_by_the_next(
    run: Run, pool: Pool, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """It dies after a query of the twentieth subscription."""
    query, calls = getattr(imports, moment), 0

    async def die(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        done = await query(*arguments)
        if calls == 20:
            raise ConnectionError
        return done

    monkeypatch.setattr(imports, moment, die)
    with pytest.raises(ConnectionError):
        await run()
    assert await pool.fetchval("SELECT count(*) FROM subscriptions") == 19
    report = await run()
    assert sum(one.here_already for one in report.products) == 19
    rows = await pool.fetchrow(
        """
        SELECT (SELECT count(*) FROM subscriptions) AS subscriptions,
               (SELECT count(*) FROM processes WHERE workflow = 'import_orchestrator') AS imports,
               (SELECT count(*) FROM subscription_notes) AS notes
        """
    )
    assert rows is not None
    assert (rows["subscriptions"], rows["notes"]) == (rows["imports"], 1)
    assert rows["subscriptions"] == sum(one.here_already + one.imported for one in report.products)


async def test_imported_processes_are_never_found_lost(run: Run, pool: Pool, client: Client) -> None:
    await run()
    assert await reconcile(client, pool) == []


async def test_a_user_of_a_group_that_was_terminated_here_is_refused(
    run: Run, pool: Pool, source: Source
) -> None:
    wanted = UUID(str(await source.fetchval(OF_GROUP, "User group Operators")))
    await run()
    users = "(SELECT subscription_id FROM subscription_relations WHERE depends_on = $1)"
    await pool.execute(f"DELETE FROM processes WHERE subscription_id IN {users}", wanted)
    gone = await pool.fetch("DELETE FROM subscription_relations WHERE depends_on = $1 RETURNING 1", wanted)
    await pool.execute("DELETE FROM subscriptions WHERE block ->> 'group' = $1", str(wanted))
    await pool.execute(
        "UPDATE subscriptions SET status = 'terminated', end_date = now() WHERE subscription_id = $1", wanted
    )
    report = await run()
    assert sum("is terminated here" in reason for reason in reasons(report).values()) == len(gone) == 40


async def test_a_user_of_a_group_with_an_open_process_waits(run: Run, pool: Pool, source: Source) -> None:
    wanted = UUID(str(await source.fetchval(OF_GROUP, "User group Operators")))
    await source.execute("UPDATE subscriptions SET status = 'disabled' WHERE description LIKE 'User user%'")
    await run()
    await pool.execute(
        """
        INSERT INTO processes (process_id, first_execution_run_id, workflow, target, status, started_at)
        VALUES ('at-work', 'run', 'terminate_user_group', 'TERMINATE', 'running', now())
        """
    )
    await pool.execute("UPDATE subscriptions SET held_by = 'at-work' WHERE subscription_id = $1", wanted)
    await source.execute("UPDATE subscriptions SET status = 'active' WHERE description LIKE 'User user%'")
    report = await run()
    assert sum("at-work works on" in reason for reason in reasons(report).values()) == 40


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE resource_types SET resource_type = 'shoe_size' WHERE resource_type = 'age'", "shoe_size"),
        ("UPDATE subscriptions SET start_date = NULL", "active without a start_date"),
        ("UPDATE subscriptions SET end_date = now()", "active with an end_date"),
        ("INSERT INTO subscription_instance_values SELECT * FROM subscription_instance_values", "several"),
        ("INSERT INTO subscription_instances SELECT * FROM subscription_instances", "2 product blocks"),
        ("UPDATE subscription_instance_relations SET domain_model_attr = 'team'", "as team"),
        ("UPDATE subscription_instance_values SET value = 'x' WHERE value ~ '^[0-9]+$'", "whole number"),
    ],
)
async def test_a_value_without_a_place_refuses_the_subscription(
    run: Run, source: Source, change: str, reason: str
) -> None:
    await source.execute(change)
    report = await run()
    why = reasons(report).get("User user1 of Network operators")
    assert why is not None
    assert reason in why or "which was not imported" in why
    assert any(reason in text for text in reasons(report).values())


async def test_other_fixed_inputs_refuse_a_product(run: Run, source: Source) -> None:
    await source.execute("UPDATE fixed_inputs SET value = 'guest' WHERE value = 'external'")
    report = await run()
    assert "{'affiliation': 'guest'}, but here" in str([product.reason for product in report.products])


async def test_an_older_schema_without_notes_and_versions_is_read(run: Run, source: Source) -> None:
    await source.execute("ALTER TABLE processes DROP COLUMN IF EXISTS note")
    await source.execute("ALTER TABLE subscriptions DROP COLUMN version")
    assert sum(product.imported for product in (await run()).products) > 40


async def test_a_process_of_two_subscriptions_is_shown_on_one(run: Run, pool: Pool, source: Source) -> None:
    await source.execute(
        """
        INSERT INTO processes_subscriptions (pid, subscription_id)
        SELECT p.pid, s.subscription_id
        FROM processes p JOIN workflows w USING (workflow_id), subscriptions s
        WHERE w.name = 'modify_user_group' AND s.description = 'User group Ended'
        """
    )
    dry, report = await run(dry_run=True), await run()
    assert report.left_behind["is shown on another subscription"] == 1
    assert dry.left_behind == report.left_behind
