"""`starter.py doctor` finds each fault, says what to do, and changes nothing."""

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from temporalio.api.operatorservice.v1 import RemoveSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, WorkerDeploymentVersion
from temporalio.testing import WorkflowEnvironment

from cli.doctor.examining import CHECKS
from orchestrator.database.connection import Pool, open_pool
from orchestrator.database.grants import grant_to_worker, missing_rights
from orchestrator.operations.own_temporal import require_own_temporal
from orchestrator.operations.schedules import CLEAN_UP, VALIDATION, set_schedule
from orchestrator.process.forms import OperatorNote
from orchestrator.temporal import search_attributes
from orchestrator.temporal.plugin import subscriptions_plugin
from settings import Endpoints
from stack.temporal_server import find_temporal_cli
from tests.conftest import new_database
from tests.database.structure import structure, with_new_role
from tests.endpoints import variables, with_database
from tests.processes import eventually
from tests.starting import Ended, Starter
from worker import open_worker

NOBODY_LISTENS = "postgresql://somebody:opensesame@127.0.0.1:1/subscriptions"


@pytest.fixture(scope="module")
async def unprepared(directory: Path) -> AsyncIterator[Client]:
    """A Temporal without workers and search attributes; one attribute has another type."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=find_temporal_cli(directory),
        search_attributes=[SearchAttributeKey.for_int(search_attributes.PRODUCT.name)],
        plugins=[subscriptions_plugin()],
    )
    async with environment:
        yield environment.client


@pytest.fixture(scope="module")
async def own_temporal(directory: Path) -> AsyncIterator[Client]:
    """A Temporal of its own, with the search attributes."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=find_temporal_cli(directory),
        search_attributes=search_attributes.ALL,
        plugins=[subscriptions_plugin()],
    )
    async with environment:
        yield environment.client


async def examined(endpoints: Endpoints, **others: str) -> dict[str, dict[str, Any]]:
    """Return what each check has found, with these services and further variables."""
    ended = await Starter(os.environ | variables(endpoints) | others)("doctor", "--json")
    return findings(ended)


def findings(ended: Ended) -> dict[str, dict[str, Any]]:
    document = ended.document
    found = {one["check"]: one for one in document["checks"]}
    assert list(found) == list(CHECKS)
    failed = [one for one in found.values() if one["result"] == "failed"]
    assert (ended.code, document["healthy"]) == ((1, False) if failed else (0, True))
    assert all(
        (one["remedy"] is not None) == (one["result"] in {"warning", "failed"}) for one in found.values()
    )
    return found


def at(client: Client, endpoints: Endpoints) -> Endpoints:
    return endpoints.model_copy(
        update={"temporal": {"target_host": client.service_client.config.target_host}}
    )


async def test_nothing_fails_with_a_worker(starter: Starter, client: Client, pool: Pool) -> None:
    await require_own_temporal(client, pool)
    found = findings(await starter("doctor", "--json"))
    assert [one for one in found.values() if one["result"] in {"failed", "skipped"}] == [found["disk"]]
    assert "on the task queue subscriptions" in found["workers"]["fact"]
    assert "1.32" in found["Temporal"]["fact"]


async def test_each_check_is_one_line_with_its_remedy(starter: Starter) -> None:
    told = (await starter("doctor")).stdout.splitlines()
    assert len(told) == len(CHECKS)
    (line,) = (line for line in told if "schedule validate:" in line)
    remedy = "python starter.py schedule validate --every 1d"
    assert line == f"! warning  schedule validate: not scheduled. Remedy: {remedy}"


async def test_an_older_schema_is_told_with_the_command(endpoints: Endpoints, pool: Pool) -> None:
    await pool.execute("UPDATE alembic_version SET version_num = '0012'")
    found = (await examined(endpoints))["schema"]
    assert (found["result"], found["remedy"]) == ("failed", 'run "make migrate"')
    assert "at version 0012, this code needs" in found["fact"]


async def test_a_schema_that_is_too_new_is_told(endpoints: Endpoints, pool: Pool) -> None:
    await pool.execute("UPDATE alembic_version SET version_num = '9999'")
    found = (await examined(endpoints))["schema"]
    assert (found["result"], found["remedy"]) == ("failed", "use the release that migrated it")


async def test_an_empty_database_stays_empty(endpoints: Endpoints, postgres: str) -> None:
    empty = await new_database(postgres)
    found = await examined(with_database(endpoints, empty))
    assert found["schema"]["result"] == "failed"
    assert found["own Temporal"]["result"] == "skipped"
    assert found["PostgreSQL"]["result"] == "ok"
    assert await structure(empty) == []


async def test_an_unused_database_is_bound_to_no_temporal(endpoints: Endpoints, pool: Pool) -> None:
    found = (await examined(endpoints))["own Temporal"]
    assert (found["result"], await pool.fetchval("SELECT count(*) FROM temporal_namespace")) == ("warning", 0)
    assert "no program has used the database" in found["fact"]


async def test_a_database_of_another_temporal_is_told(
    client: Client, unprepared: Client, endpoints: Endpoints, pool: Pool
) -> None:
    await require_own_temporal(client, pool)
    found = (await examined(at(unprepared, endpoints)))["own Temporal"]
    assert found["result"] == "failed"
    assert 'run "worker.py --adopt-temporal"' in found["remedy"]


async def test_a_temporal_without_workers_and_attributes_is_told(
    unprepared: Client, endpoints: Endpoints
) -> None:
    found = await examined(at(unprepared, endpoints))
    assert (found["workers"]["result"], found["workers"]["remedy"]) == ("failed", "make worker")
    assert found["search attributes"]["result"] == "failed"
    assert "Product has the type Int instead of Keyword" in found["search attributes"]["fact"]


async def test_missing_attributes_are_named_with_the_command(
    own_temporal: Client, endpoints: Endpoints
) -> None:
    await own_temporal.operator_service.remove_search_attributes(
        RemoveSearchAttributesRequest(namespace="default", search_attributes=["Target", "CustomerId"])
    )
    found = (await examined(at(own_temporal, endpoints)))["search attributes"]
    assert found["fact"].startswith("missing: CustomerId, Target;")
    assert found["remedy"].endswith("--type Keyword --name CustomerId --name Target")


async def test_a_namespace_that_does_not_exist_is_told(endpoints: Endpoints) -> None:
    found = await examined(endpoints, TEMPORAL_NAMESPACE="typo")
    assert found["namespace"]["result"] == "failed"
    assert "correct TEMPORAL_NAMESPACE" in found["namespace"]["remedy"]
    assert found["own Temporal"]["fact"] == "Temporal has no such namespace"


async def test_histories_that_go_early_are_told(endpoints: Endpoints) -> None:
    found = (await examined(endpoints, RETENTION_DAYS="40"))["namespace"]
    assert found["result"] == "warning"
    assert found["remedy"] == "temporal operator namespace update --namespace default --retention 960h"


async def test_a_role_without_rights_is_told_how_to_get_them(endpoints: Endpoints) -> None:
    owner = endpoints.database_url.get_secret_value()
    url = await with_new_role(owner, "")
    role = url.partition("//")[2].partition("@")[0]
    found = (await examined(with_database(endpoints, url)))["role"]
    await grant_to_worker(owner, role)
    granted = (await examined(with_database(endpoints, url)))["role"]
    assert found["result"] == "failed"
    assert found["remedy"] == f'as the owner of the database: make migrate ARGS="--grant-to {role}"'
    assert (granted["result"], granted["fact"]) == (
        "ok", f"{role} has the rights that it needs, and no others",
    )  # fmt: skip


async def test_a_role_that_may_do_everything_is_a_warning(endpoints: Endpoints) -> None:
    found = (await examined(endpoints))["role"]
    assert found["result"] == "warning"
    assert "postgres may do more than it needs" in found["fact"]


async def test_a_role_that_lacks_one_right_is_told_which(endpoints: Endpoints) -> None:
    """What `grant_to_worker` grants and what the doctor asks for are two lists, which must stay the same."""
    owner = endpoints.database_url.get_secret_value()
    url = await with_new_role(owner, "")
    role = url.partition("//")[2].partition("@")[0]
    await grant_to_worker(owner, role)
    connection = await asyncpg.connect(owner)
    granted = await connection.fetch(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = $1", role
    )
    told = set()
    for table, privilege in granted:
        await connection.execute(f"REVOKE {privilege} ON {table} FROM {role}")
        told.add(await missing_of(url))
        await connection.execute(f"GRANT {privilege} ON {table} TO {role}")
    await connection.execute(f"REVOKE UPDATE (result) ON process_steps FROM {role}")
    assert await missing_of(url) == "UPDATE (result) on process_steps"
    await connection.close()
    assert len(granted) > 30
    assert told == {f"{privilege} on {table}" for table, privilege in granted}


async def missing_of(url: str) -> str:
    async with await open_pool(url, size=1) as pool, pool.acquire() as connection:
        (one,) = await missing_rights(connection)
    return one


async def test_without_postgres_the_rest_is_still_asked(endpoints: Endpoints) -> None:
    found = await examined(with_database(endpoints, NOBODY_LISTENS))
    assert (found["PostgreSQL"]["result"], found["Temporal"]["result"]) == ("failed", "ok")
    assert "127.0.0.1:1, database subscriptions" in found["PostgreSQL"]["fact"]
    assert "opensesame" not in str(found)
    for name in ("schema", "role", "clock", "own Temporal", "group_management"):
        assert (found[name]["result"], found[name]["fact"]) == ("skipped", "PostgreSQL does not answer")


async def test_without_temporal_the_rest_is_still_asked(endpoints: Endpoints) -> None:
    found = await examined(endpoints, TEMPORAL_ADDRESS="127.0.0.1:1")
    assert (found["PostgreSQL"]["result"], found["schema"]["result"]) == ("ok", "ok")
    assert found["Temporal"]["result"] == "failed"
    for name in ("namespace", "search attributes", "workers", "backlog", "schedule validate"):
        assert (found[name]["result"], found[name]["fact"]) == ("skipped", "Temporal does not answer")


async def test_half_a_configuration_is_told(endpoints: Endpoints) -> None:
    ended = await Starter({"PATH": os.environ["PATH"], "DATABASE_URL": NOBODY_LISTENS})("doctor", "--json")
    found = findings(ended)
    assert found["services"]["fact"] == "DATABASE_URL is configured but TEMPORAL_ADDRESS is not"
    assert found["PostgreSQL"]["fact"] == "there are no services to ask"
    assert found["Python"]["result"] == "ok"


async def test_another_external_system_than_the_workers_is_told(endpoints: Endpoints, pool: Pool) -> None:
    await pool.execute("INSERT INTO external_systems VALUES ('group_management', 'north.scim:open_scim')")
    found = await examined(endpoints)
    assert found["group_management"]["result"] == "failed"
    assert found["group_management"]["remedy"].startswith("set GROUP_MANAGEMENT and GROUP_MANAGEMENT_URL")
    assert found["user_management"]["result"] == "warning"


async def test_an_external_system_that_does_not_open_is_told(endpoints: Endpoints) -> None:
    found = (await examined(endpoints, GROUP_MANAGEMENT_URL=NOBODY_LISTENS))["group_management"]
    assert (found["result"], found["remedy"]) == (
        "failed", "check GROUP_MANAGEMENT and GROUP_MANAGEMENT_URL",
    )  # fmt: skip
    assert "opensesame" not in found["fact"]


async def test_paused_schedules_are_told(own_temporal: Client, endpoints: Endpoints) -> None:
    await set_schedule(own_temporal, VALIDATION, timedelta(days=1), OperatorNote())
    await set_schedule(own_temporal, CLEAN_UP, timedelta(days=1), OperatorNote())
    await own_temporal.get_schedule_handle(CLEAN_UP.schedule_id).pause()
    found = await examined(at(own_temporal, endpoints))
    assert found["schedule validate"]["fact"] == "every 1 day, 0:00:00, last run: never"
    assert found["schedule clean-up"]["remedy"] == "temporal schedule toggle --unpause --schedule-id clean-up"


async def test_a_version_that_gets_nothing_is_told(own_temporal: Client, endpoints: Endpoints) -> None:
    """Before `set-current-version` nothing runs; and when the workers of the current version have ended."""
    own, version = at(own_temporal, endpoints), WorkerDeploymentVersion("subscriptions", "1.0")
    async with open_worker(own_temporal, own, version=version) as worker, worker:
        found = await eventually(lambda: told_of_versions(own, "failed"), seconds=60)
    assert found["fact"] == "no version is current, so no process runs; with workers: 1.0"
    assert found["remedy"] == (
        "temporal worker deployment set-current-version --deployment-name subscriptions --build-id 1.0"
    )


async def told_of_versions(endpoints: Endpoints, result: str) -> dict[str, Any] | None:
    found = (await examined(endpoints))["worker versions"]
    return found if found["result"] == result else None
