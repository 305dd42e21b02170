"""Start a process."""

from collections.abc import Mapping
from uuid import uuid4

from pydantic import BaseModel
from temporalio.common import Priority, TypedSearchAttributes

from catalogue import HasTarget, workflow_type
from cli.connections import Connections
from cli.documents import ProcessNotFound
from cli.process_documents import process_document
from orchestrator.database import processes
from orchestrator.domain.errors import ProcessAlreadyExists
from orchestrator.process.forms import OperatorNote
from orchestrator.process.starting import start_execution


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
    memo: Mapping[str, BaseModel] | None = None,
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
    await start_execution(
        connections.client,
        workflow_type(definition),
        form,
        process_id,
        title=title,
        attributes=attributes,
        memo=memo,
        priority=priority,
    )
