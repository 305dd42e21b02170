"""One plugin carries what client, worker, test environment and replayer have in common."""

from pydantic import ValidationError
from temporalio.plugin import SimplePlugin
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from orchestrator.temporal.interceptors import WorkerInterceptor
from orchestrator.temporal.payloads import data_converter

TASK_QUEUE = "subscriptions"


def subscriptions_plugin() -> SimplePlugin:
    """Return the plugin; a worker has it from its client."""
    # Re-executed for every run is only the file that defines the workflow: what it imports is passed through,
    # by its full name, which keeps every class the one that the activities know. `make check` forbids clocks
    # and chance in all of `workflows/`.
    # RAISE: a workflow file that imports asyncpg by a forgotten passthrough would crash the process later,
    # somewhere in asyncpg (MagicStack/asyncpg#1292); so it stops the worker at start-up and is named.
    restrictions = SandboxRestrictions.default.with_import_notification_policy(
        SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    )
    return SimplePlugin(
        "subscriptions",
        data_converter=data_converter,
        interceptors=[WorkerInterceptor()],
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
        # A lifecycle violation in a workflow ends the process; by default it would retry its task for ever.
        workflow_failure_exception_types=[ValidationError],
    )
