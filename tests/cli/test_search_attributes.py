"""The starter sends the search attributes that it knows, so that a process need not set them itself."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from orchestrator.temporal import search_attributes
from orchestrator.temporal.plugin import subscriptions_plugin
from products.product_types.user import USER_INTERNAL
from settings import Endpoints
from stack.temporal_server import find_temporal_cli
from tests.conftest import new_database
from tests.endpoints import variables, with_database
from tests.processes import Processes
from tests.starting import Starter
from worker import prepare_databases

UPSERT = EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES


async def attributes_of(client: Client, process_id: str) -> dict[str, object]:
    described = await client.get_workflow_handle(process_id).describe()
    ours = {key.name for key in search_attributes.ALL}
    found = described.typed_search_attributes
    return {pair.key.name: pair.value for pair in found if pair.key.name in ours}


async def upserts(client: Client, process_id: str) -> int:
    history = await client.get_workflow_handle(process_id).fetch_history()
    return sum(event.event_type == UPSERT for event in history.events)


async def create(starter: Starter, *arguments: str) -> tuple[str, str]:
    created = (await starter("create", *arguments, "--json")).document
    return created["process_id"], created["subscription"]["subscription_id"]


async def test_the_starter_sends_what_every_process_sets(
    starter: Starter, client: Client, processes: Processes
) -> None:
    created, group_id = await create(starter, "user-group", "--group-name", "a")
    others = (
        ["modify", group_id, "--group-name", "b"],
        ["validate", group_id],
        ["terminate", group_id, "--yes"],
    )
    ids = [created, *[(await starter(*one, "--json")).document["process_id"] for one in others]]
    customer_id = str((await processes.read(UUID(group_id))).customer_id)
    for process_id, target in zip(ids, ("CREATE", "MODIFY", "VALIDATE", "TERMINATE"), strict=True):
        assert await attributes_of(client, process_id) == {
            "Target": target,
            "SubscriptionId": group_id,
            "CustomerId": customer_id,
            "Product": "User Group",
            "ProcessStatus": "completed",
        }
        assert await upserts(client, process_id) == 1  # the status at its end


@pytest.mark.parametrize("product", ["User internal", str(USER_INTERNAL)])
async def test_the_product_of_a_user_is_sent(starter: Starter, client: Client, product: str) -> None:
    _, group_id = await create(starter, "user-group", "--group-name", "a")
    user = ("--username", f"u{uuid4().hex[:8]}", "--age", "42", "--group", group_id)
    process_id, _ = await create(starter, "user", "--product", product, *user)
    assert (await attributes_of(client, process_id))["Product"] == "User internal"
    assert await upserts(client, process_id) == 1


@pytest.fixture
async def new_namespace(directory: Path) -> AsyncIterator[Client]:
    """A Temporal that no worker has prepared: it has none of the search attributes."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=find_temporal_cli(directory), plugins=[subscriptions_plugin()]
    )
    async with environment:
        yield environment.client


async def test_a_process_can_start_before_any_worker(
    new_namespace: Client, endpoints: Endpoints, postgres: str
) -> None:
    address = new_namespace.service_client.config.target_host
    own = with_database(endpoints, await new_database(postgres))
    own = own.model_copy(update={"temporal": {"target_host": address}})
    await prepare_databases(own)
    starter = Starter(os.environ | variables(own))
    group = ("user-group", "--group-name", "a", "--process-id", "first")
    started = await starter("create", *group, "--no-wait", "--json")
    assert (started.code, started.document["status"]) == (0, "running")
    assert await attributes_of(new_namespace, "first") == {}
