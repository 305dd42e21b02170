"""A parked process with a long history continues as new, perhaps with the steps of another release."""

import asyncio
import dataclasses

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from orchestrator.domain.subscription import Status
from orchestrator.process.frame import ProcessFrame
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import CreateHandle, Processes, eventually
from workflows.user_group.create_user_group import CreateUserGroup

SEQUENCE = CreateUserGroup.sequence
PROVISION = SEQUENCE[3]


async def test_it_resumes_at_its_step_even_if_the_step_has_moved(
    worker: None, processes: Processes, groups: FakeGroupManagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade(monkeypatch, SEQUENCE[1:])
    handle = await park_and_continue(processes, groups)
    await processes.retry(processes.latest(handle))
    async with asyncio.timeout(20):
        created = await handle.result()
    assert created.status is Status.ACTIVE
    assert await groups.find_group(created.subscription_id) is not None


async def test_it_waits_for_a_release_that_has_its_step(
    worker: None, processes: Processes, groups: FakeGroupManagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed = dataclasses.replace(PROVISION, title="Provision group")
    upgrade(monkeypatch, (*SEQUENCE[:3], renamed, *SEQUENCE[4:]))
    handle = await park_and_continue(processes, groups)
    said = await eventually(lambda: failure_of_task(processes, handle))
    assert said == "This release has no step 'Provision user group' to go on with"
    assert (await processes.latest(handle).describe()).status is WorkflowExecutionStatus.RUNNING


def upgrade(monkeypatch: pytest.MonkeyPatch, sequence: tuple[object, ...]) -> None:
    """Replace the steps of processes that continue as new, which they do as soon as they park."""
    make = ProcessFrame.__init__

    def make_of_next_release(process: ProcessFrame) -> None:
        make(process)
        if process._progress.failure:
            process.sequence = sequence  # type: ignore[misc, assignment]  # a class attribute, set on the instance

    monkeypatch.setattr(ProcessFrame, "__init__", make_of_next_release)
    monkeypatch.setattr("orchestrator.process.frame.LONGEST_HISTORY", 10)


async def park_and_continue(processes: Processes, groups: FakeGroupManagement) -> CreateHandle:
    await groups.system.order(Fault(kind="reject", times=1))
    handle = await processes.create_user_group()
    await eventually(lambda: processes.next_run(handle))
    return handle


async def failure_of_task(processes: Processes, handle: CreateHandle) -> str | None:
    """Return the failure of the last failed workflow task; `None` if there is none."""
    events = (await processes.latest(handle).fetch_history()).events
    failed = [event for event in events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED]
    return failed[-1].workflow_task_failed_event_attributes.failure.message if failed else None
