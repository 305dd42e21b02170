"""What Temporal's visibility lists: open processes by status. It is a moment behind what happens."""

from collections.abc import AsyncIterator, Collection
from uuid import UUID

from pydantic import ValidationError
from temporalio.api.common.v1 import Memo
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import CountWorkflowExecutionsRequest, ListWorkflowExecutionsRequest

from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.scheduled import Scheduled
from orchestrator.temporal import search_attributes
from orchestrator.temporal.connection import Service

SCHEDULED_MEMO = "scheduled"
"""Key of the memo that holds a `Scheduled`."""

PAGE = 1000
"""Largest number of processes that Temporal lists at once."""


async def count_open(service: Service, status: str) -> int:
    """Return how many open processes have this `ProcessStatus`.

    Raises:
        RPCError: when Temporal does not answer.
    """
    request = CountWorkflowExecutionsRequest(namespace=service.namespace, query=_query(status, None))
    return (await service.workflow_service.count_workflow_executions(request)).count


async def list_open(
    service: Service, status: str, *, subscription_id: UUID | None = None, limit: int
) -> list[str]:
    """Return the ids of open processes with this `ProcessStatus`, newest first.

    Args:
        subscription_id: only those on this subscription; `None` means any.
        limit: the largest number of processes to return.

    Raises:
        RPCError: when Temporal does not answer.
    """
    found: list[str] = []
    async for one in _list(service, _query(status, subscription_id), page=min(limit, PAGE)):
        found.append(one.execution.workflow_id)
        if len(found) == limit:
            break
    return found


async def list_beginning(service: Service, beginnings: Collection[str], *, limit: int) -> list[str]:
    """Return the ids of processes, open or closed, that begin with one of these texts.

    Args:
        beginnings: texts without quotes and backslashes.
        limit: the largest number of ids to return.

    Raises:
        RPCError: when Temporal does not answer.
    """
    query = " OR ".join(f"WorkflowId STARTS_WITH '{text}'" for text in beginnings)
    found: dict[str, None] = {}  # an id may have been used again
    async for one in _list(service, query, page=PAGE):
        found[one.execution.workflow_id] = None
        if len(found) == limit:
            break
    return list(found)


async def list_scheduled(service: Service, *, subscription_id: UUID | None = None) -> list[Scheduled]:
    """Return the scheduled starts, the next one first. Reads all of them, because Temporal cannot sort.

    Args:
        subscription_id: only those on this subscription; `None` means any.

    Raises:
        RPCError: when Temporal does not answer.
    """
    query = _query(ProcessStatus.SCHEDULED, subscription_id)
    found = [scheduled_of(one.memo) async for one in _list(service, query, page=PAGE)]
    return sorted((one for one in found if one is not None), key=lambda one: (one.at, one.process_id))


def scheduled_of(memo: Memo) -> Scheduled | None:
    """Return the scheduled start that a memo holds, or `None` if it holds none."""
    if SCHEDULED_MEMO not in memo.fields:
        return None
    try:
        return Scheduled.model_validate_json(memo.fields[SCHEDULED_MEMO].data)
    except ValidationError:  # another program has written it
        return None


def _query(status: str, subscription_id: UUID | None) -> str:
    open_ones = f"{search_attributes.PROCESS_STATUS.name} = '{status}' AND ExecutionStatus = 'Running'"
    if subscription_id is None:
        return open_ones
    return f"{open_ones} AND {search_attributes.SUBSCRIPTION_ID.name} = '{subscription_id}'"


async def _list(service: Service, query: str, *, page: int) -> AsyncIterator[WorkflowExecutionInfo]:
    request = ListWorkflowExecutionsRequest(namespace=service.namespace, query=query, page_size=page)
    while True:
        answer = await service.workflow_service.list_workflow_executions(request, retry=True)
        for one in answer.executions:
            yield one
        if not answer.next_page_token:
            return
        request.next_page_token = answer.next_page_token
