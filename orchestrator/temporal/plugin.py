"""One plugin configures client, worker, test environment and replayer alike."""

from pydantic import ValidationError
from temporalio.plugin import SimplePlugin
from temporalio.worker import UnsandboxedWorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from orchestrator import traces
from orchestrator.temporal.interceptors import WorkerInterceptor
from orchestrator.temporal.payloads import data_converter


def subscriptions_plugin(*, sandboxed: bool = True) -> SimplePlugin:
    """Return the plugin; a worker inherits it from its client.

    Args:
        sandboxed: whether workflows run in the SDK's sandbox. Tests do, so that a workflow that reads a clock
            or a file fails there. Programs do not: the sandbox takes much of a worker's time.
    """
    # The sandbox re-executes only the file that defines the workflow. Its imports are passed through, so that
    # workflows and activities share the same classes. `make check` forbids clocks and randomness there.
    # RAISE: a forgotten passthrough of asyncpg would crash the process later, somewhere in asyncpg
    # (MagicStack/asyncpg#1292). This policy stops the worker at start-up and names the module.
    restrictions = SandboxRestrictions.default.with_import_notification_policy(
        SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    )
    if traces.is_on():
        restrictions = restrictions.with_passthrough_modules("opentelemetry")
    return SimplePlugin(
        "subscriptions",
        data_converter=data_converter,
        interceptors=[*traces.interceptors(), WorkerInterceptor()],
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions)
        if sandboxed
        else UnsandboxedWorkflowRunner(),
        # A lifecycle violation ends the process; by default Temporal would retry the workflow task for ever.
        workflow_failure_exception_types=[ValidationError],
    )
