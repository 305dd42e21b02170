"""The activities that are no steps: they write into the trail what happened to a process."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from pydantic_core import from_json
from temporalio import activity

from orchestrator.database import processes, subscriptions
from orchestrator.database.connection import Connection
from orchestrator.database.processes import TrailEvent
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status, SubscriptionModel
from orchestrator.process.ledger import Ledger
from orchestrator.process.messages import (
    BeginRollBack,
    CorrectValues,
    Ended,
    EndProcess,
    ProcessEvent,
    RepeatAbort,
    RollBackBegun,
)
from orchestrator.process.page import require_open

log = logging.getLogger("worker")

RequestAbort: TypeAlias = Callable[[str, str, str], Awaitable[None]]
"""Asks Temporal to cancel a process.

Its arguments are the id of the process, the id of its first run, and the reason.
"""


class Bookkeeping:
    """Writes the trail. Every activity is idempotent: what has committed is not written twice."""

    def __init__(self, ledger: Ledger, request_abort: RequestAbort) -> None:
        """Create the activities."""
        self._ledger = ledger
        self._request_abort = request_abort

    @activity.defn
    async def begin_roll_back(self, step: BeginRollBack) -> RollBackBegun:
        """Return what has committed; from now on only the steps of the roll-back can commit.

        If the last step has committed, nothing is written: the process is completed. If the pivot has
        begun, only the abort is recorded: the process goes forward.

        Raises:
            ApplicationError: when the process has ended before its last step; the error that it ended with.
        """
        run, process_id = step.run, step.run.process.process_id
        async with self._ledger.open(run, step.last_step, processes.ROLL_BACK, processes.END) as page:
            if processes.ROLL_BACK in page.results:
                return RollBackBegun.model_validate_json(page.results[processes.ROLL_BACK])
            require_open(page)
            if step.last_step in page.results:
                return _completed(page.results[step.last_step])
            row = await processes.read_process(page.connection, process_id)
            past_pivot = row is not None and row.last_step in step.from_pivot
            begun = RollBackBegun(completed=None, held=True, past_pivot=True)
            if not past_pivot:
                begun = RollBackBegun(completed=None, held=await self._fence(page.connection, step))
                await processes.insert_step(page.connection, process_id, processes.ROLL_BACK, begun, run.at)
            aborted = TrailEvent(
                event="abort requested", step=run.step, by=None, reason=step.reason, at=run.at
            )
            await processes.insert_event(page.connection, process_id, aborted, number=1)
            await processes.set_process_status(page.connection, process_id, ProcessStatus.RUNNING)
        log.info("abort requested: %s", step.reason or "no reason given")
        return begun

    async def _fence(self, connection: Connection, step: BeginRollBack) -> bool:
        """Raise the fencing token of the subscription; return whether the process holds it."""
        process = step.run.process
        stored = await subscriptions.lock_subscription(connection, process.subscription_id)
        if stored is None or stored.subscription.held_by != process.process_id:
            return False
        await subscriptions.raise_fence(connection, process.subscription_id)
        await processes.relate_subscription(connection, process.process_id, process.subscription_id)
        return True

    @activity.defn
    async def repeat_abort(self, abort: RepeatAbort) -> None:
        """Request the cancellation of a process once more, after it has continued as new.

        A new run knows nothing of a cancellation that the run before has taken, and Temporal closes as
        canceled only what was asked to cancel.

        Raises:
            RPCError: when Temporal does not answer.
        """
        await self._request_abort(abort.process_id, abort.first_execution_run_id, abort.reason)

    @activity.defn
    async def record_event(self, step: ProcessEvent) -> None:
        """Record that the process parked, was retried or was given up, and its status now.

        An adoption was recorded by the step that committed it.
        """
        run, process_id = step.run, step.run.process.process_id
        event = TrailEvent(event=step.event, step=run.step, by=step.by, reason=step.reason, at=run.at)
        async with self._ledger.open(run) as page:
            is_new = step.event == "adopted" or await processes.insert_event(
                page.connection, process_id, event, step.number, run_id=step.run_id
            )
            if not is_new:
                return
            await processes.note_step(page.connection, process_id, run.step)
            match step.event:
                case "parked":
                    await processes.set_process_status(
                        page.connection, process_id, ProcessStatus.FAILED, failed_reason=step.reason
                    )
                case "retried" | "adopted":
                    await processes.set_process_status(page.connection, process_id, ProcessStatus.RUNNING)
        level = logging.ERROR if step.event == "parked" else logging.INFO
        by = f" by {step.by}" if step.by else ""
        log.log(level, "%s%s: %s", step.event, by, step.reason or "no reason given")

    @activity.defn
    async def correct_values(self, step: CorrectValues) -> None:
        """Store corrected values in a subscription that is being provisioned.

        In another state it gets them from a later step, which takes them from the corrected form.

        Raises:
            NotHeldByThisProcess: when the process does not hold the subscription.
            pydantic.ValidationError: when a value does not fit its resource type.
        """

        def correct(held: SubscriptionModel) -> SubscriptionModel:
            return held.changed(**step.values) if held.status is Status.PROVISIONING else held

        await self._ledger.change(step.run, SubscriptionModel, correct)

    @activity.defn
    async def end_process(self, step: EndProcess) -> None:
        """Close the trail row. What the process holds stays held; no step commits afterwards."""
        run, process_id = step.run, step.run.process.process_id
        async with self._ledger.open(run, processes.END) as page:
            if processes.END in page.results:
                return
            if step.error_type is not None:
                ended = Ended(error_type=step.error_type, failed_reason=step.failed_reason or "")
                await processes.insert_step(page.connection, process_id, processes.END, ended, run.at)
            await processes.note_step(page.connection, process_id, run.step)
            ends_now = await processes.set_process_status(
                page.connection,
                process_id,
                step.status,
                failed_reason=step.failed_reason,
                ended_at=run.at,
            )
        if ends_now:
            self._ledger.count_end(run.process, step.status)
        level = logging.INFO if step.status is ProcessStatus.ABORTED else logging.WARNING
        log.log(level, "the process ended as %s: %s", step.status, step.failed_reason or "nothing to undo")


def _completed(result: str) -> RollBackBegun:
    fields = from_json(result)
    subscription = SubscriptionModel.model_validate(fields.get("subscription", fields))
    return RollBackBegun(completed=subscription, held=False, differences=fields.get("differences", ()))
