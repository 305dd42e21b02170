"""Start a process."""

from functools import partial
from uuid import uuid4

from pydantic_core import to_json
from temporalio.common import Priority, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from catalogue import HasTarget, workflow_type
from cli.connections import Connections
from cli.documents import ProcessNotFound
from cli.process_documents import process_document
from orchestrator.database import processes
from orchestrator.domain.errors import ProcessAlreadyExists
from orchestrator.process.forms import OperatorNote
from orchestrator.temporal.task_queue import TASK_QUEUE

LONGEST_SUMMARY = 400
"""Bytes of JSON: the longest summary that a Temporal server accepts by default."""


def new_process_id(definition: type[HasTarget]) -> str:
    """Return a new process id: ``{workflow}-{random UUID}``."""
    return f"{workflow_type(definition)}-{uuid4()}"


async def exists(connections: Connections, process_id: str) -> bool:
    """Return whether the trail or Temporal knows a process with this id, open or ended."""
    try:
        await process_document(connections, process_id)
    except ProcessNotFound:
        return False
    return True


async def start_process(
    connections: Connections,
    definition: type[HasTarget],
    form: OperatorNote,
    process_id: str,
    *,
    title: str,
    attributes: TypedSearchAttributes = TypedSearchAttributes.empty,
    priority: Priority = Priority.default,
) -> None:
    """Start a process under this id.

    Args:
        attributes: what is known already. If no worker has registered them yet, the process sets them.
        priority: how urgent it is while workers have more to do than they can.

    Raises:
        ProcessAlreadyExists: if there is, or ever was, a process with this id; nothing was started.
    """
    async with connections.pool.acquire() as connection:
        if await processes.read_process(connection, process_id) is not None:
            raise ProcessAlreadyExists(process_id)
    start = partial(
        connections.client.start_workflow,
        workflow_type(definition),
        form,
        id=process_id,
        task_queue=TASK_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        static_summary=summary(title),
        priority=priority,
    )
    try:
        try:
            await start(search_attributes=attributes)
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            await start()
    except WorkflowAlreadyStartedError as error:
        raise ProcessAlreadyExists(process_id) from error


def summary(title: str) -> str:
    """Return the title, shortened to what Temporal accepts as a summary."""
    while len(to_json(title)) > LONGEST_SUMMARY:
        title = title.removesuffix("…")[:-1] + "…"
    return title
