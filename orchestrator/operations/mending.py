"""Set in sync, and reconcile, as workflows: the Web UI can start these."""

from typing import Any, ClassVar, TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate
from temporalio.exceptions import ApplicationError
from temporalio.types import MethodAsyncSingleParam

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.markdown import quoted
    from orchestrator.domain.process import Course, ProcessStatus, Target
    from orchestrator.domain.subscription import SubscriptionModel
    from orchestrator.operations.mending_activities import (
        LostProcesses,
        MendingActivities,
        ReconcileForm,
        SetInSyncForm,
    )
    from orchestrator.process.step import run_external
    from orchestrator.temporal import search_attributes

A = TypeVar("A")
R = TypeVar("R")


@workflow.defn(name="set_in_sync")
class SetInSync:
    """Unlock a subscription that no open process holds, and forget a known discrepancy."""

    target: ClassVar = Target.MODIFY

    @workflow.run
    async def run(self, form: SetInSyncForm) -> SubscriptionModel:
        """Set the subscription in sync; return it.

        Raises:
            ApplicationError: when it must not be set in sync; the message says why.
        """
        _show(ProcessStatus.RUNNING, search_attributes.SUBSCRIPTION_ID.value_set(str(form.subscription_id)))
        in_sync = await _mend(MendingActivities.set_subscription_in_sync, form, "Set in sync")
        _end(f"Subscription `{in_sync.subscription_id}` is in sync, version {in_sync.version}.")
        return in_sync


@workflow.defn(name="reconcile")
class Reconcile:
    """Find processes that Temporal closed before they recorded their end, and mark them as lost."""

    target: ClassVar = Target.VALIDATE

    @workflow.run
    async def run(self, form: ReconcileForm) -> LostProcesses:
        """Mark lost processes; return those that were found.

        Raises:
            ApplicationError: when the database belongs to another Temporal.
        """
        _show(ProcessStatus.RUNNING)
        lost = await _mend(MendingActivities.find_lost_processes, form, "Find lost processes")
        listed = "\n".join(f"- `{process_id}`" for process_id in lost.process_ids)
        _end(
            f"Lost, until their subscriptions are set in sync:\n\n{listed}" if listed else "Nothing is lost."
        )
        return lost


def _show(status: ProcessStatus, *more: SearchAttributeUpdate[str]) -> None:
    workflow.upsert_search_attributes([search_attributes.PROCESS_STATUS.value_set(status), *more])


async def _mend(activity: MethodAsyncSingleParam[Any, A, R], form: A, title: str) -> R:
    """Run the activity; if it refuses, show why."""
    try:
        return await run_external(activity, form, title, Course.FORWARD)
    except ApplicationError as error:
        _show(ProcessStatus.FAILED)
        workflow.set_current_details(quoted(error.message))
        raise


def _end(what: str) -> None:
    _show(ProcessStatus.COMPLETED)
    workflow.set_current_details(what)
