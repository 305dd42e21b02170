"""The reader of a history, over the runs of a process."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import Worker

from orchestrator.temporal.reading import HistoryReader, read_history

RUNS = [f"Run {number}" for number in range(3)]
Handle = WorkflowHandle["Runs", None]


@activity.defn
async def nothing() -> None: ...


@workflow.defn(sandboxed=False)
class Runs:
    """Does one step in each run, and waits in the last."""

    def __init__(self) -> None:
        self.ends = False

    @workflow.run
    async def run(self, number: int) -> None:
        await workflow.execute_local_activity(
            nothing, summary=RUNS[number], start_to_close_timeout=timedelta(seconds=5)
        )
        if number + 1 < len(RUNS):
            workflow.continue_as_new(number + 1)
        await workflow.wait_condition(lambda: self.ends)

    @workflow.signal
    def end(self) -> None:
        self.ends = True


@pytest.fixture
async def handle(client: Client, task_queue: str) -> AsyncIterator[Handle]:
    async with Worker(client, task_queue=task_queue, workflows=[Runs], activities=[nothing]):
        yield await client.start_workflow(Runs.run, 0, id=f"runs-{uuid4()}", task_queue=task_queue)


def titles(reader: HistoryReader) -> list[str]:
    return [step.title for step in reader.history.steps()]


async def until_it_waits(client: Client, handle: Handle) -> HistoryReader:
    reader = HistoryReader(client, handle.id)
    while len(titles(reader)) < len(RUNS):
        await reader.read_on()
    return reader


async def test_a_reader_goes_on_with_the_next_run(client: Client, handle: Handle) -> None:
    reader = await until_it_waits(client, handle)
    last = client.get_workflow_handle(handle.id)
    await last.signal(Runs.end)
    while not reader.closed:
        await reader.read_on()
    assert titles(reader) == RUNS


async def test_a_reader_that_comes_late_reads_the_earlier_runs(client: Client, handle: Handle) -> None:
    await until_it_waits(client, handle)
    late = await until_it_waits(client, handle)
    whole = await read_history(client, handle.id)
    assert titles(late) == RUNS
    assert whole is not None
    assert whole.steps() == late.history.steps()


async def test_a_terminated_process_closes(client: Client, handle: Handle) -> None:
    reader = await until_it_waits(client, handle)
    await client.get_workflow_handle(handle.id).terminate()
    while not reader.closed:
        await reader.read_on()
    assert titles(reader) == RUNS


async def test_temporal_does_not_know_the_process(client: Client) -> None:
    with pytest.raises(RPCError):
        await HistoryReader(client, "nobody").read_on()
    assert await read_history(client, "nobody") is None
