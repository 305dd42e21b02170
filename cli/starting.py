"""Starting a process from its form, and following it until it ends or parks."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from catalogue import workflow_type
from cli.documents import Outcome, ProcessDocument, process_document, subscription_document
from cli.services import Services
from database import subscriptions
from products.errors import ProcessAlreadyExists
from products.process import ProcessStatus
from temporal.history import LastError
from temporal.plugin import TASK_QUEUE
from workflows.forms import StartForm
from workflows.process import ProcessFrame

OnChange = Callable[[ProcessDocument], None]

QUICK, SLOW = 0.05, 1.0
"""Seconds between two looks at a process that changes, and at one that does not."""


async def start_process(
    services: Services, definition: type[ProcessFrame], form: StartForm, process_id: str | None
) -> str:
    """Start a process and return its id.

    Args:
        process_id: its id; `None` means ``{workflow}-{a random UUID}``.

    Raises:
        ProcessAlreadyExists: when there is a process of this id; nothing was started.
    """
    name = workflow_type(definition)
    process_id = process_id or f"{name}-{uuid4()}"
    try:
        await services.client.start_workflow(
            name,
            form,
            id=process_id,
            task_queue=TASK_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=form.title,
        )
    except WorkflowAlreadyStartedError as error:
        raise ProcessAlreadyExists(process_id) from error
    return process_id


async def follow(services: Services, process_id: str, on_change: OnChange) -> ProcessDocument:
    """Wait until the process has ended or is parked; tell every change on the way.

    Raises:
        ProcessNotFound: when there is no such process.
    """
    handle = services.client.get_workflow_handle(process_id)
    ended = asyncio.create_task(_result(handle))
    pause, seen = QUICK, None
    try:
        while True:
            over = ended.done()
            document = await process_document(services, process_id)
            if document != seen:
                on_change(document)
                pause, seen = QUICK, document
            if over or document.status is not ProcessStatus.RUNNING:
                return document
            await asyncio.wait({ended}, timeout=pause)
            pause = min(pause * 1.5, SLOW)
    finally:
        ended.cancel()


async def outcome(services: Services, document: ProcessDocument) -> Outcome:
    """Return what became of a process, with its subscription as it is now."""
    subscription = None
    if document.subscription_id is not None:
        async with services.pool.acquire() as connection:
            if await subscriptions.read_subscription(connection, document.subscription_id):
                subscription = await subscription_document(connection, document.subscription_id)
    return Outcome(
        process_id=document.process_id,
        status=document.status,
        subscription=subscription,
        error=_error(document),
    )


def _error(document: ProcessDocument) -> LastError | None:
    match document.status:
        case ProcessStatus.RUNNING | ProcessStatus.COMPLETED:
            return None
        case ProcessStatus.ABORTED:
            return LastError(type="Aborted", message="The process was aborted and rolled back")
        case _:
            message = document.failed_reason or f"The process is {document.status}"
            return document.last_error or LastError(type=document.status.capitalize(), message=message)


async def _result(handle: WorkflowHandle[Any, Any]) -> None:
    with suppress(WorkflowFailureError):
        await handle.result()
