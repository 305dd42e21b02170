"""Act on a process: retry it, give it up, abort it."""

import asyncio

from temporalio.client import (
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from cli.advice import AFTER_LOSS, after_loss
from cli.connections import Connections
from cli.documents import ProcessDocument
from orchestrator.domain.process import ProcessStatus
from orchestrator.process.forms import OperatorNote


async def send_update(connections: Connections, process_id: str, update: str, note: OperatorNote) -> None:
    """Send an update, and wait until the process has accepted it.

    Raises:
        ActionRefused: if the process has ended, or is not parked.
    """
    try:
        await connections.client.get_workflow_handle(process_id).execute_update(update, note)
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        message = cause.message if isinstance(cause, ApplicationError) else str(cause)
        kind = cause.type if isinstance(cause, ApplicationError) else None
        raise ActionRefused(message, kind) from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise asyncio.CancelledError from error  # Ctrl-C, which the SDK wraps in its own error
    except RPCError as error:
        raise _refusal(process_id, error) from error


async def request_abort(connections: Connections, process_id: str, note: OperatorNote) -> None:
    """Request the cancellation of the process; the reason names who asks and why.

    Raises:
        ActionRefused: if the process has ended.
    """
    why = ": ".join(said for said in (note.by, note.reason) if said)
    try:
        await connections.client.get_workflow_handle(process_id).cancel(reason=why)
    except RPCError as error:
        raise _refusal(process_id, error) from error


def require_not_lost(document: ProcessDocument) -> None:
    """Require that no one has closed the process in Temporal.

    Raises:
        ActionRefused: if somebody has.
    """
    if document.status is ProcessStatus.LOST:
        raise ActionRefused(
            f'Process "{document.process_id}" is lost ({document.failed_reason}); nothing was changed. '
            f"{AFTER_LOSS}, then: {' and '.join(after_loss(document.subscription_id))}",
            "NotOpen",
        )


def require_begun(document: ProcessDocument) -> None:
    """Require that the process is not only scheduled.

    Raises:
        ActionRefused: if it is.
    """
    if document.scheduled is not None:
        raise ActionRefused(
            f'"{document.process_id}" only starts a process later; there is no failed step. Move it with '
            f'"starter.py move {document.process_id} --at TIME", or cancel it with '
            f'"starter.py abort {document.process_id}"',
            "NotParked",
        )


def require_abortable(document: ProcessDocument) -> None:
    """Require that an abort of the process can still have an effect.

    Raises:
        ActionRefused: if it is parked after an abort, or has ended without completing.
    """
    process = f'Process "{document.process_id}"'
    if document.parked and document.aborted:
        ways = ", or ".join(f'"starter.py {way} {document.process_id}"' for way in document.ways)
        raise ActionRefused(f"{process} was already aborted; continue with {ways}", "AlreadyAborted")
    if document.ended_at is not None and document.status is not ProcessStatus.COMPLETED:
        raise ActionRefused(
            f"{process} has already ended ({document.status}); nothing was changed", "NotOpen"
        )


class ActionRefused(Exception):
    """A process refuses an action; programs rely on `type`."""

    def __init__(self, message: str, kind: str | None) -> None:
        super().__init__(message)
        self.type = kind or type(self).__name__


def _refusal(process_id: str, error: RPCError) -> Exception:
    if error.status is not RPCStatusCode.NOT_FOUND:
        return error
    return ActionRefused(f'Process "{process_id}" has ended; nothing was changed', "NotOpen")
