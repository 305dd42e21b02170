"""The processes that the bench runs follow the life of a subscription."""

import asyncio
from typing import Any, cast

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from catalogue import CATALOGUE, workflow_type
from orchestrator.domain.process import Target
from orchestrator.process.forms import StartForm
from trials.bench.errors import BenchFailed
from trials.bench.running import in_turns
from trials.bench.subjects import Lifecycles, Subject


class FakeClient:
    """Completes every process at once."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.started: list[tuple[str, str]] = []
        """Workflow and subscription of each process."""
        self._failure = failure

    async def execute_workflow(self, workflow: str, form: StartForm, *, id: str, **_: Any) -> None:  # noqa: A002
        self.started.append((workflow, str(form.subscription(id))))
        if self._failure is not None:
            raise self._failure


def life(client: FakeClient) -> Lifecycles:
    return Lifecycles(cast("Client", client))


async def test_every_workflow_of_the_first_product_is_run_in_order() -> None:
    client = FakeClient()
    for subject in life(client).subjects():
        await subject.run()
    entry = CATALOGUE[0]
    targets = (Target.CREATE, Target.MODIFY, Target.VALIDATE, Target.TERMINATE)
    definitions = [one for target in targets if (one := entry.workflow(target)) is not None]
    assert [workflow for workflow, _ in client.started] == [workflow_type(one) for one in definitions]
    assert len({subscription for _, subscription in client.started}) == 1


async def test_no_subscription_has_two_processes_of_a_kind() -> None:
    """Processes that run at the same time must not wait for each other."""
    client = FakeClient()
    for subject in life(client).subjects():
        await asyncio.gather(*(subject.run() for _ in range(3)))
    assert len(set(client.started)) == len(client.started) == 12


async def test_what_is_active_is_counted() -> None:
    lifecycles = life(FakeClient())
    create, *_, terminate = lifecycles.subjects()
    assert [one.name for one in (create, terminate)] == ["create", "terminate"]
    for subject in (create, create, *lifecycles.subjects()[1:]):
        await subject.run()
    assert lifecycles.active == 1


async def test_a_process_without_a_subscription_fails_the_bench() -> None:
    modify = life(FakeClient()).subjects()[1]
    with pytest.raises(BenchFailed, match="There is no subscription left to modify"):
        await modify.run()


async def test_a_failed_process_fails_the_bench() -> None:
    failed = WorkflowFailureError(cause=ApplicationError("no group"))
    create = life(FakeClient(failed)).subjects()[0]
    with pytest.raises(BenchFailed, match=r"create_user_group-.* failed: no group"):
        await create.run()


def test_floors_and_processes_take_turns() -> None:
    async def run() -> None:
        """Run nothing."""

    first, second, third = (Subject(name, run, "none") for name in "abc")
    assert in_turns([first], [second, third]) == [first, second, third]
    assert in_turns([first, third], [second]) == [first, second, third]
