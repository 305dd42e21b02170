"""The totals of a validation of all subscriptions."""

import asyncio
from datetime import timedelta
from typing import get_args

from temporalio.client import WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError

from catalogue import workflow_type
from cli.connections import Connections
from cli.documents import ProcessDocument, Report
from orchestrator.database import findings
from orchestrator.domain.findings import FindingKind
from orchestrator.operations.validate_subscriptions import Totals, ValidateSubscriptions
from orchestrator.temporal.executions import find_execution
from orchestrator.temporal.history import History

PATIENCE = timedelta(seconds=2)
"""How long to wait for a worker to tell the counts."""


async def read_totals(connections: Connections, document: ProcessDocument, history: History) -> Report | None:
    """Return what this process has found so far; `None` if it is another process, or no worker answers."""
    if document.workflow != workflow_type(ValidateSubscriptions):
        return None
    execution = await find_execution(connections.service, document.process_id)
    totals = _result(history) or await _ask(connections, document.process_id)
    if execution is None or totals is None:
        return None
    return await report(connections, document.process_id, execution.first_run_id, totals)


async def report(connections: Connections, process_id: str, first_run_id: str, totals: Totals) -> Report:
    """Return the counts, with the subscriptions that the database names for them."""
    async with connections.pool.acquire() as connection:
        found = await findings.read_findings(connection, process_id, first_run_id)
    listed = {
        kind: [one.subscription_id for one in (*totals.older, *found) if one.kind == kind]
        for kind in get_args(FindingKind)
    }
    return Report(total=totals.total, in_sync=totals.in_sync, **listed)


def _result(history: History) -> Totals | None:
    last = history.last
    if last is None or not last.HasField("workflow_execution_completed_event_attributes"):
        return None
    [result] = last.workflow_execution_completed_event_attributes.result.payloads
    return Totals.model_validate_json(result.data)


async def _ask(connections: Connections, process_id: str) -> Totals | None:
    handle: WorkflowHandle[ValidateSubscriptions, Totals] = connections.client.get_workflow_handle(process_id)
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return await handle.query(ValidateSubscriptions.totals)
    except (TimeoutError, RPCError, WorkflowQueryFailedError):
        return None
