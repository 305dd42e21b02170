"""The answer to a workflow type that no worker knows: mistyped in the Web UI, for example."""

from collections.abc import Sequence
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.errors import UnknownWorkflowType
    from orchestrator.domain.markdown import quoted
    from orchestrator.domain.process import Course
    from orchestrator.process.step import run_local


class KnownTypes:
    """Knows the workflow types of this worker."""

    def __init__(self, types: Sequence[str]) -> None:
        self._types = types

    @activity.defn
    async def refuse_unknown_type(self, workflow_type: str) -> None:
        """Refuse a workflow type that this worker does not know.

        Raises:
            UnknownWorkflowType: always.
        """
        raise UnknownWorkflowType(workflow_type, sorted(self._types))


@workflow.defn(dynamic=True)
class UnknownType:
    """Ends every execution of an unknown type at once; Temporal's own answer would be to wait for ever."""

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> Any:
        """Refuse the type.

        Raises:
            ApplicationError: (UnknownWorkflowType) always.
        """
        wanted = workflow.info().workflow_type
        try:
            # An activity, because it knows the types; a workflow has no access to its worker.
            await run_local(KnownTypes.refuse_unknown_type, wanted, "Refuse the type", Course.FORWARD)
        except ApplicationError as error:
            workflow.set_current_details(f"### Unknown workflow type\n\n{quoted(error.message)}")
            raise
