"""A database belongs to one Temporal namespace; every program refuses to use another one."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from orchestrator.database.connection import NotPermitted, Pool, open_pool
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from orchestrator.operations.own_temporal import AnotherTemporal, adopt_temporal, require_own_temporal
from orchestrator.operations.reconcile import reconcile
from orchestrator.temporal import search_attributes
from orchestrator.temporal.connection import connect
from orchestrator.temporal.plugin import subscriptions_plugin
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import ROOT, Endpoints, Settings
from stack.temporal_server import find_temporal_cli
from tests.conftest import new_database
from tests.database.structure import with_new_role
from tests.endpoints import variables
from tests.mending import parked, repair, unlock
from tests.processes import Handle, Processes, eventually
from tests.starting import Ended, Program, Starter
from worker import open_worker, prepare_databases


@pytest.fixture
async def endpoints(client: Client, postgres: str) -> Endpoints:
    """A database that no program has used yet."""
    address = client.service_client.config.target_host
    endpoints = Settings().at(temporal_address=address, database_url=await new_database(postgres))
    await prepare_databases(endpoints)
    return endpoints


@pytest.fixture(scope="module")
async def another(directory: Path) -> AsyncIterator[Client]:
    """Another Temporal, or the same one after it has lost its database."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=find_temporal_cli(directory),
        search_attributes=search_attributes.ALL,
        plugins=[subscriptions_plugin()],
    )
    async with environment:
        yield environment.client


@pytest.fixture
async def open_process(
    worker: None, processes: Processes, groups: FakeGroupManagement, client: Client, pool: Pool
) -> tuple[Handle, UUID]:
    """A process that is parked on a group, in the Temporal of the database."""
    await require_own_temporal(client, pool)
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    return await parked(processes, "modify_user_group")


async def namespace_id(client: Client) -> str:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    described: str = (await client.workflow_service.describe_namespace(request)).namespace_info.id
    return described


def at(client: Client, endpoints: Endpoints) -> dict[str, str]:
    """Return the environment for programs that use this Temporal."""
    address = {
        "TEMPORAL_ADDRESS": client.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": client.namespace,
    }
    return os.environ | variables(endpoints) | address


async def worker_of(client: Client, endpoints: Endpoints, *arguments: str) -> Ended:
    return await Program(at(client, endpoints), (str(ROOT / "worker.py"),))(*arguments)


async def test_another_temporal_finds_no_process_lost(
    open_process: tuple[Handle, UUID], processes: Processes, another: Client, pool: Pool
) -> None:
    with pytest.raises(AnotherTemporal):
        await reconcile(another, pool)
    row = await processes.row(open_process[0])
    assert row is not None
    assert (row.status, row.ended_at) == (ProcessStatus.FAILED, None)


async def test_another_temporal_unlocks_nothing(
    open_process: tuple[Handle, UUID],
    processes: Processes,
    groups: FakeGroupManagement,
    another: Client,
    pool: Pool,
) -> None:
    handle, group_id = open_process
    with pytest.raises(AnotherTemporal):
        await unlock(Processes(another, processes.task_queue, pool), [groups.system], group_id)
    assert (await processes.read(group_id)).held_by == handle.id


async def test_the_refusal_names_both_and_says_what_to_do(
    client: Client, another: Client, pool: Pool
) -> None:
    await require_own_temporal(client, pool)
    with pytest.raises(AnotherTemporal) as refused:
        await require_own_temporal(another, pool)
    for one in (client, another):
        address = one.service_client.config.target_host
        assert f'namespace "default" at {address} (id {await namespace_id(one)})' in str(refused.value)
    assert 'run "worker.py --adopt-temporal"' in str(refused.value)


async def test_another_namespace_of_the_same_temporal_is_refused(client: Client, pool: Pool) -> None:
    await require_own_temporal(client, pool)
    retention = Duration()
    retention.FromTimedelta(timedelta(days=1))
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace="other", workflow_execution_retention_period=retention)
    )
    other = Client(client.service_client, namespace="other")
    await eventually(lambda: is_known(other))
    with pytest.raises(AnotherTemporal, match='lead to namespace "other" at'):
        await require_own_temporal(other, pool)


async def is_known(client: Client) -> bool | None:
    try:
        return bool(await namespace_id(client))
    except RPCError:
        return None


async def test_the_same_temporal_at_another_address_is_the_same(client: Client, pool: Pool) -> None:
    await require_own_temporal(client, pool)
    port = client.service_client.config.target_host.rpartition(":")[2]
    await require_own_temporal(await connect({"target_host": f"localhost:{port}"}), pool)


async def test_of_two_first_uses_at_once_one_is_refused(client: Client, another: Client, pool: Pool) -> None:
    answers = await asyncio.gather(
        *(require_own_temporal(one, pool) for one in (client, another)), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["AnotherTemporal", "NoneType"]


async def test_the_first_use_asks_for_the_open_processes(
    open_process: tuple[Handle, UUID], client: Client, another: Client, endpoints: Endpoints, pool: Pool
) -> None:
    await pool.execute("DELETE FROM temporal_namespace")
    ended = await Starter(at(another, endpoints))("reconcile", "--json")
    assert (ended.code, ended.document["error"]["type"]) == (1, "AnotherTemporal")
    assert (
        "which knows none of the newest that are open: correct TEMPORAL_ADDRESS"
        in ended.document["error"]["message"]
    )
    await require_own_temporal(client, pool)
    assert await pool.fetchval("SELECT namespace_id FROM temporal_namespace") == await namespace_id(client)


async def test_a_namespace_that_does_not_exist_gets_one_line(client: Client, endpoints: Endpoints) -> None:
    unknown = at(client, endpoints) | {"TEMPORAL_NAMESPACE": "typo"}
    ended = await Program(unknown, (str(ROOT / "worker.py"),))()
    address = client.service_client.config.target_host
    assert ended.code == 1
    assert ended.stderr == (
        f'worker: Temporal at {address} has no namespace "typo": correct TEMPORAL_NAMESPACE, '
        "or create the namespace\n"
    )


async def test_a_worker_does_not_start_on_another_temporal(
    client: Client, another: Client, endpoints: Endpoints, pool: Pool
) -> None:
    await require_own_temporal(client, pool)
    ended = await worker_of(another, endpoints)
    assert ended.code == 1
    assert re.fullmatch(r"worker: The processes of this database run in Temporal's .*\n", ended.stderr)


async def test_no_command_runs_on_another_temporal(
    client: Client, another: Client, endpoints: Endpoints, pool: Pool
) -> None:
    await require_own_temporal(client, pool)
    for command in ("subscriptions", "reconcile"):
        ended = await Starter(at(another, endpoints))(command, "--json")
        assert (ended.code, ended.document["error"]["type"]) == (1, "AnotherTemporal")


async def test_a_command_on_an_older_schema_says_what_to_run(
    client: Client, endpoints: Endpoints, pool: Pool
) -> None:
    await pool.execute("DROP TABLE temporal_namespace")
    ended = await Starter(at(client, endpoints))("subscriptions", "--json")
    assert (ended.code, ended.document["error"]["type"]) == (1, "SchemaOutOfDate")
    assert "is empty or of an older release" in ended.document["error"]["message"]
    assert 'run "make migrate"' in ended.document["error"]["message"]


async def test_adopt_temporal_moves_a_database_on_purpose(
    open_process: tuple[Handle, UUID], client: Client, another: Client, endpoints: Endpoints, pool: Pool
) -> None:
    ended = await worker_of(another, endpoints, "--adopt-temporal")
    assert (ended.code, await namespace_id(another) in ended.stderr) == (0, True)
    found = await reconcile(another, pool)
    assert [row.process_id for row in found] == [open_process[0].id]
    with pytest.raises(AnotherTemporal):
        await reconcile(client, pool)


async def test_what_a_vanished_temporal_held_can_be_unlocked(
    open_process: tuple[Handle, UUID],
    processes: Processes,
    groups: FakeGroupManagement,
    another: Client,
    endpoints: Endpoints,
    pool: Pool,
) -> None:
    handle, group_id = open_process
    await groups.system.clear_faults()
    await adopt_temporal(another, pool)
    anew = Processes(another, processes.task_queue, pool)
    await repair(anew, [groups.system], handle, group_id, "not found")
    async with open_worker(another, endpoints, task_queue=anew.task_queue) as worker, worker:
        await (await anew.start("terminate_user_group", group_id)).result()
    assert (await processes.read(group_id)).status is Status.TERMINATED
    assert await groups.find_group(group_id) is None


async def test_a_role_without_rights_is_told_how_to_get_them(client: Client, endpoints: Endpoints) -> None:
    stranger = await with_new_role(endpoints.database_url.get_secret_value(), "")
    async with await open_pool(stranger) as pool:
        with pytest.raises(
            NotPermitted, match=r"permission denied for table temporal_namespace: .*--grant-to"
        ):
            await require_own_temporal(client, pool)


async def test_adopting_twice_changes_nothing(client: Client, another: Client, pool: Pool) -> None:
    first, own = await adopt_temporal(client, pool)
    assert first is None
    assert await adopt_temporal(client, pool) == (own, own)
    assert (await adopt_temporal(another, pool))[0] == own
    await require_own_temporal(another, pool)
