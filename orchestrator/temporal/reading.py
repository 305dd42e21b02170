"""Read the history of a process: all of it once, or what is new of it as it grows."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.temporal.connection import Service
from orchestrator.temporal.history import History

if TYPE_CHECKING:
    from temporalio.client import Client


async def read_history(client: "Client | Service", process_id: str) -> History | None:
    """Return the history of all runs of a process, or `None` if Temporal does not know the process.

    Raises:
        RPCError: if Temporal does not answer.
    """
    try:
        runs = [run async for run in chain_history(client, process_id)]
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return _joined(runs)


async def read_history_from(client: "Client | Service", process_id: str, run_id: str) -> History | None:
    """Return the history of this run and of those that continue it, or `None` if Temporal does not know it.

    It differs from `read_history` if another process with the same id was started later.

    Raises:
        RPCError: if Temporal does not answer.
    """
    history = History()
    try:
        while run_id:
            pages = _Pages(client, process_id, run_id)
            while not pages.ended:
                history.add(await pages.read())
            run_id = _next_run(history.last)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return history


async def chain_history(
    client: "Client | Service", process_id: str, run_id: str | None = None
) -> AsyncIterator[list[HistoryEvent]]:
    """Yield the history of each run of a process, the last run first.

    Args:
        run_id: the run to begin with; `None` means the last.

    Raises:
        RPCError: if Temporal does not answer, or does not know the process.
    """
    while True:
        pages, events = _Pages(client, process_id, run_id), []
        try:
            while not pages.ended:
                events += await pages.read()
        except RPCError as error:
            if run_id is None or error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return  # an earlier run is older than the namespace's retention
        yield events
        run_id = _earlier_run(events)
        if run_id is None:
            return


class HistoryReader:
    """Reads each event of a process once, as Temporal records it."""

    def __init__(self, client: "Client | Service", process_id: str) -> None:
        self._client = client
        self._process_id = process_id
        self._pages: _Pages | None = None
        self._terminated: HistoryEvent | None = None
        self.history = History()
        """What has been read so far."""
        self.closed = False
        """Whether the process has closed and all of its history has been read."""

    async def read_on(self) -> None:
        """Wait until there are new events, for as long as Temporal lets a caller wait, and read them.

        Raises:
            RPCError: if Temporal does not answer, or does not know the process. The next call reads
                everything again: Temporal may have forgotten where this reader was.
        """
        try:
            if self._pages is None:
                await self._begin()
            else:
                self.history.add(await self._pages.read())
        except RPCError:
            self._pages = None
            raise
        self._look_whether_it_closed()

    async def _begin(self) -> None:
        pages = _Pages(self._client, self._process_id, waits=True)
        runs = [await pages.read()]
        if earlier := _earlier_run(runs[0]):
            runs += [run async for run in chain_history(self._client, self._process_id, earlier)]
        self.history = _joined(runs)
        self._pages = pages

    def _look_whether_it_closed(self) -> None:
        last = self.history.last
        if self._pages is None or not self._pages.ended or last is None:
            return
        if next_run := _next_run(last):
            self._pages = _Pages(self._client, self._process_id, next_run, waits=True)
        elif last.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED and (
            last != self._terminated
        ):
            # A reset terminates the run, and another one goes on: look which run is the last now.
            self._pages, self._terminated = None, last
        else:
            self.closed = True


class _Pages:
    """The pages of the history of one run."""

    def __init__(
        self, client: "Client | Service", process_id: str, run_id: str | None = None, *, waits: bool = False
    ) -> None:
        self._client = client
        self._request = GetWorkflowExecutionHistoryRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=process_id, run_id=run_id or ""),
            wait_new_event=waits,
        )
        self.ended = False
        """Whether the last page has been read."""

    async def read(self) -> list[HistoryEvent]:
        answer = await self._client.workflow_service.get_workflow_execution_history(self._request, retry=True)
        self._request.next_page_token = answer.next_page_token
        self.ended = not answer.next_page_token
        return list(answer.history.events)


def _next_run(last: HistoryEvent | None) -> str:
    """Return the run that continues the one with this last event; empty if none does."""
    assert last is not None
    return last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id


def _joined(runs: list[list[HistoryEvent]]) -> History:
    return History(event for run in reversed(runs) for event in run)


def _earlier_run(events: list[HistoryEvent]) -> str | None:
    return events[0].workflow_execution_started_event_attributes.continued_execution_run_id or None
