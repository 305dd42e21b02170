"""The process `create_user_group`, on a healthy system."""

import asyncio

from temporalio.client import Client, WorkflowExecutionStatus

from orchestrator.domain.process import ProcessStatus, Target
from orchestrator.domain.subscription import Status
from orchestrator.temporal import search_attributes
from products.product_types.user_group import UserGroup
from services.fake_group_management import FakeGroupManagement
from tests.processes import Processes

STEPS = [
    ("create_subscription", "Create subscription"),
    ("store_process_subscription", "Create Process Subscription relation"),
    ("initialize_subscription", "Initialize subscription"),
    ("provision_user_group", "Provision user group"),
    ("set_status", "Set subscription to 'active'"),
    ("resync", "Unlock subscription"),
]


async def test_it_returns_an_active_subscription_with_its_group_id(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    handle = await processes.create_user_group("Network operators")
    created = await handle.result()
    group = await groups.find_group(created.subscription_id)
    assert isinstance(created, UserGroup)
    assert created.status is Status.ACTIVE
    assert created.insync
    assert created.description == "User Group Network operators"
    assert created.version == 1
    assert group is not None
    assert (group.group_id, group.group_name) == (created.user_group.group_id, "Network operators")
    assert created == await processes.subscription(handle)


async def test_its_steps_run_in_order_under_their_titles(worker: None, processes: Processes) -> None:
    handle = await processes.create_user_group()
    await handle.result()
    steps = await processes.steps(handle)
    assert [(step.name, step.title) for step in steps] == STEPS
    assert {step.status for step in steps} == {"completed"}
    assert {step.attempts for step in steps} == {1}


async def test_the_trail_says_who_created_what_when_and_how_it_ended(
    worker: None, processes: Processes
) -> None:
    handle = await processes.create_user_group(by="alice", reason="ticket 4711")
    created = await handle.result()
    row = await processes.row(handle)
    assert row is not None
    assert (row.workflow, row.target) == ("create_user_group", Target.CREATE)
    assert (row.created_by, row.reason) == ("alice", "ticket 4711")
    assert (row.status, row.failed_reason) == (ProcessStatus.COMPLETED, None)
    assert row.subscription_id == created.subscription_id
    assert row.ended_at is not None
    assert created.start_date is not None
    assert row.started_at <= created.start_date <= row.ended_at


async def test_the_trail_has_null_if_nobody_is_named(worker: None, processes: Processes) -> None:
    handle = await processes.create_user_group()
    await handle.result()
    row = await processes.row(handle)
    assert row is not None
    assert (row.created_by, row.reason) == (None, None)


async def test_it_is_found_by_its_search_attributes(worker: None, processes: Processes) -> None:
    handle = await processes.create_user_group()
    created = await handle.result()
    found = (await handle.describe()).typed_search_attributes
    assert found[search_attributes.SUBSCRIPTION_ID] == str(created.subscription_id)
    assert found[search_attributes.CUSTOMER_ID] == str(created.customer_id)
    assert found[search_attributes.PRODUCT] == "User Group"
    assert found[search_attributes.TARGET] == "CREATE"
    assert found[search_attributes.PROCESS_STATUS] == "completed"


async def test_the_web_ui_shows_a_summary_and_a_table_of_the_steps(
    worker: None, processes: Processes
) -> None:
    handle = await processes.create_user_group("Network operators")
    await handle.result()
    details = await processes.details(handle)
    assert await (await handle.describe()).static_summary() == 'Create user group "Network operators"'
    assert details.count("✓\u00a0done") == len(STEPS)
    assert all(title in details for _, title in STEPS)


async def test_a_missing_customer_is_made_up(worker: None, processes: Processes) -> None:
    given = await processes.create_user_group(customer_id="11111111-1111-1111-1111-111111111111")
    faked = await processes.create_user_group()
    assert str((await given.result()).customer_id) == "11111111-1111-1111-1111-111111111111"
    assert (await faked.result()).customer_id != (await given.result()).customer_id


async def test_many_concurrent_creates_make_as_many_groups(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    before = await groups.system.count()
    handles = [await processes.create_user_group(f"Group {number}") for number in range(30)]
    created = await asyncio.gather(*(handle.result() for handle in handles))
    assert len({one.user_group.group_id for one in created}) == len(handles)
    assert await groups.system.count() == before + len(handles)


async def test_a_process_id_cannot_be_started_twice(
    worker: None, client: Client, processes: Processes
) -> None:
    handle = await processes.create_user_group()
    await handle.result()
    repeated = await client.start_workflow(
        "create_user_group", {"group_name": "Others"}, id=handle.id, task_queue=processes.task_queue
    )
    assert "already exists" in await processes.failure(repeated)
    subscription = await processes.subscription(handle)
    assert (await repeated.describe()).status is WorkflowExecutionStatus.FAILED
    assert subscription is not None
    assert subscription.description == "User Group Network operators"
