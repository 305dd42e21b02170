"""`starter.py import-orchestrator`, and what the other commands say of what came over."""

from datetime import timedelta

import asyncpg
import pytest

from orchestrator.database.connection import Pool
from tests.conftest import new_database
from tests.importing.conftest import AT, Run
from tests.starting import Ended, Starter


async def bring(starter: Starter, url: str, *more: str) -> Ended:
    return await starter("import-orchestrator", "--database-url", url, *more)


async def test_the_command_reports_what_it_has_done(starter: Starter, source_url: str) -> None:
    ended = await bring(starter, source_url.replace("postgresql://", "postgresql+psycopg://"))
    assert ended.code == 1  # some are refused
    assert ended.stdout.startswith("Product")
    assert "Processes imported: " in ended.stdout
    assert "Mail list: no product of the type UserGroup" in ended.stderr
    assert "its status is disabled" in ended.stderr


async def test_the_json_of_a_dry_run_says_so(starter: Starter, source_url: str) -> None:
    ended = await bring(starter, source_url, "--dry-run", "--json")
    assert ended.document["dry_run"] is True
    assert {one["product"] for one in ended.document["products"]} == {
        *("Mail list", "User Group", "User external", "User internal"),
    }


async def test_an_imported_process_is_shown_and_takes_no_action(
    run: Run, starter: Starter, pool: Pool
) -> None:
    await run()
    failed = await pool.fetchval("SELECT held_by FROM subscriptions WHERE description LIKE '%Half made'")
    shown = await starter("process", failed, "--json")
    assert shown.document["status"] == "failed"
    assert shown.document["imported_at"] == f"{AT:%Y-%m-%dT%H:%M:%SZ}"
    assert shown.document["steps"] == []
    assert "It did not run here: imported" in (await starter("process", failed)).stdout
    for action in ("retry", "abort", "give-up"):
        refused = await starter(action, failed, "--json")
        assert refused.document["error"]["type"] == "NotOpen", action


async def test_what_came_over_out_of_sync_is_set_in_sync(run: Run, starter: Starter, pool: Pool) -> None:
    await run()
    made = await pool.fetchval(
        "SELECT subscription_id FROM subscriptions WHERE description LIKE '%Half made'"
    )
    refused = await starter("terminate", str(made), "--yes", "--json")
    assert refused.document["error"]["type"] == "SubscriptionOutOfSync"
    ended = await starter("set-in-sync", str(made), "--reason", "looked at it", "--json")
    assert ended.document["subscription"]["insync"] is True
    assert (await starter("terminate", str(made), "--yes", "--json")).document["status"] == "completed"


async def test_an_imported_group_can_be_validated(run: Run, starter: Starter, pool: Pool) -> None:
    """Its external system does not know it yet, and the validation says so."""
    await run()
    group = await pool.fetchval(
        "SELECT subscription_id FROM subscriptions WHERE description LIKE '%Operators'"
    )
    ended = await starter("validate", str(group), "--json")
    assert ended.document["status"] == "failed"
    assert ended.document["subscription"]["discrepancy_found_by"] is not None


async def test_nothing_is_told_of_the_time_before_the_import(run: Run, starter: Starter, pool: Pool) -> None:
    await run()
    made = await pool.fetchval(
        "SELECT subscription_id FROM subscriptions WHERE description LIKE '%Half made'"
    )
    before = await starter(
        "subscription", str(made), "--at", (AT - timedelta(seconds=1)).isoformat(), "--json"
    )
    assert before.document["error"]["type"] == "NotThereYet"
    await starter("set-in-sync", str(made), "--reason", "looked at it")
    await pool.execute("UPDATE process_events SET at = now() WHERE event = 'set in sync'")
    was = await starter("subscription", str(made), "--at", (AT + timedelta(minutes=1)).isoformat(), "--json")
    assert was.document["insync"] is False
    assert was.document["held_by"] is not None


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT 1", "NotOrchestratorCore"),
        ("CREATE TABLE subscriptions (subscription_id uuid)", "NotOrchestratorCore"),
    ],
)
async def test_another_database_is_refused(
    starter: Starter, postgres: str, statement: str, kind: str
) -> None:
    url = await new_database(postgres)
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()
    assert (await bring(starter, url, "--json")).document["error"]["type"] == kind


async def test_an_old_schema_is_refused(
    starter: Starter, source_url: str, source: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await source.execute("ALTER TABLE processes DROP COLUMN workflow_id")
    ended = await bring(starter, source_url)
    assert ended.code == 1
    assert "has no column processes.workflow_id; upgrade orchestrator-core" in ended.stderr


async def test_a_server_that_does_not_answer_is_named_without_password(starter: Starter) -> None:
    ended = await bring(starter, "postgresql://reader:opensesame@127.0.0.1:1/core")
    assert ended.code == 1
    assert "127.0.0.1:1, database core" in ended.stderr
    assert "correct --database-url" in ended.stderr
    assert "opensesame" not in ended.stderr


async def test_a_role_that_may_not_read_is_told_so(
    starter: Starter, source_url: str, source: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await source.execute("CREATE ROLE stranger LOGIN")
    ended = await bring(starter, source_url.replace("postgresql://postgres", "postgresql://stranger"))
    assert "GRANT pg_read_all_data TO ROLE" in ended.stderr
    assert ended.code == 1
