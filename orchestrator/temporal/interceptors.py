"""Interceptors around every activity and every workflow of a worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    ExecuteWorkflowInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.errors import DomainError
    from orchestrator.domain.input_errors import explain
    from orchestrator.domain.markdown import quoted
    from orchestrator.temporal.log_context import enter_activity
    from orchestrator.temporal.payloads import require_one_model, require_one_model_or_none
    from orchestrator.temporal.waiting import tell_waiting


class WorkerInterceptor(Interceptor):
    """Makes refusals final, sends heartbeats, tells what waits, names processes in the log, checks inputs."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Activity(next)

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        return _Workflow


class _Activity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        enter_activity(input.args)
        try:
            async with _heartbeats():
                return await super().execute_activity(input)
        except DomainError as error:
            raise _final(error, str(error)) from None
        except ValidationError as error:
            raise _final(error, explain(error)) from None
        except Exception as error:
            await tell_waiting(error)
            delay: timedelta | None = getattr(error, "retry_after", None)
            if delay is None:
                raise
            kind = type(error).__name__
            raise ApplicationError(str(error), type=kind, next_retry_delay=delay) from error


class _Workflow(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        try:
            require_one_model(input.run_fn, tuple(input.args))
        except ApplicationError as error:
            workflow.set_current_details(
                f"### Refused: the input does not fit\n\n{quoted(error.message)}\n\n"
                "Nothing was written. Start the workflow again, with another id and an input that fits."
            )
            raise
        return await super().execute_workflow(input)

    def handle_update_validator(self, input: HandleUpdateInput) -> None:
        require_one_model_or_none(input.update, input.args)
        super().handle_update_validator(input)


def _final(error: Exception, message: str) -> ApplicationError:
    return ApplicationError(message, type=type(error).__name__, non_retryable=True)


@asynccontextmanager
async def _heartbeats() -> AsyncIterator[None]:
    """Heartbeat three times per heartbeat timeout, so that Temporal soon notices a worker that died."""
    timeout = activity.info().heartbeat_timeout
    if not timeout:
        yield
        return
    beating = asyncio.create_task(_beat(timeout / 3))
    try:
        yield
    finally:
        beating.cancel()


async def _beat(interval: timedelta) -> None:
    while True:  # the first one only after a while: most calls have ended by then
        await asyncio.sleep(interval.total_seconds())
        activity.heartbeat()
