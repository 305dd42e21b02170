"""The activities that are no steps: they write what happened to a process into the trail."""

from pydantic_core import from_json
from temporalio import activity

from orchestrator.database import processes, subscriptions
from orchestrator.database.connection import transaction
from orchestrator.database.processes import TrailEvent
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.ledger import Ledger, require_open
from orchestrator.process.messages import BeginRollBack, Ended, EndProcess, ProcessEvent, RollBackBegun


class Bookkeeping:
    """Writes the trail; each may run again: what has committed is not done twice."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn
    async def begin_roll_back(self, step: BeginRollBack) -> RollBackBegun:
        """Ask what has committed; from now on no step can but those of the roll-back.

        Where the last step has committed, nothing is written: the process is completed.

        Raises:
            ApplicationError: when the process has ended before its last step: the error that it ended with.
        """
        run, process = step.run, step.run.process
        async with transaction(self._ledger.pool) as connection:
            await processes.register_process(connection, process)
            committed = await processes.committed_steps(
                connection, process.process_id, step.last_step, processes.ROLL_BACK, processes.END
            )
            if processes.ROLL_BACK in committed:
                return RollBackBegun.model_validate_json(committed[processes.ROLL_BACK])
            require_open(committed)
            if step.last_step in committed:
                return _completed(committed[step.last_step])
            aborted = TrailEvent(
                event="abort requested", step=run.step, by=None, reason=step.reason, at=run.at
            )
            row = await processes.read_process(connection, process.process_id)
            if row is not None and row.last_step in step.no_way_back:
                await processes.insert_event(connection, process.process_id, aborted, number=1)
                await processes.set_process_status(connection, process.process_id, ProcessStatus.RUNNING)
                return RollBackBegun(completed=None, held=True, no_way_back=True)
            stored = await subscriptions.lock_subscription(connection, process.subscription_id)
            held = stored is not None and stored.subscription.held_by == process.process_id
            if held:
                await subscriptions.raise_fence(connection, process.subscription_id)
                await processes.relate_subscription(connection, process.process_id, process.subscription_id)
            begun = RollBackBegun(completed=None, held=held)
            await processes.insert_step(connection, process.process_id, processes.ROLL_BACK, begun, run.at)
            await processes.insert_event(connection, process.process_id, aborted, number=1)
            await processes.set_process_status(connection, process.process_id, ProcessStatus.RUNNING)
            return begun

    @activity.defn
    async def record_event(self, step: ProcessEvent) -> None:
        """Write into the trail that the process parked or was retried, and how it stands now; once."""
        run, process_id = step.run, step.run.process.process_id
        event = TrailEvent(event=step.event, step=run.step, by=step.by, reason=step.reason, at=run.at)
        async with transaction(self._ledger.pool) as connection:
            await processes.register_process(connection, run.process)
            if not await processes.insert_event(
                connection, process_id, event, step.number, run_id=step.run_id
            ):
                return
            await processes.note_step(connection, process_id, run.step)
            match step.event:
                case "parked":
                    await processes.set_process_status(
                        connection, process_id, ProcessStatus.FAILED, failed_reason=step.reason
                    )
                case "retried":
                    await processes.set_process_status(connection, process_id, ProcessStatus.RUNNING)

    @activity.defn
    async def end_process(self, step: EndProcess) -> None:
        """Close the trail row; what the process holds, if anything, stays held; no step commits later."""
        run, process_id = step.run, step.run.process.process_id
        async with transaction(self._ledger.pool) as connection:
            await processes.register_process(connection, run.process)
            if processes.END in await processes.committed_steps(connection, process_id, processes.END):
                return
            if step.error_type is not None:
                ended = Ended(error_type=step.error_type, failed_reason=step.failed_reason or "")
                await processes.insert_step(connection, process_id, processes.END, ended, run.at)
            await processes.note_step(connection, run.process.process_id, run.step)
            await processes.set_process_status(
                connection,
                run.process.process_id,
                step.status,
                failed_reason=step.failed_reason,
                ended_at=run.at,
            )


def _completed(result: str) -> RollBackBegun:
    fields = from_json(result)
    subscription = SubscriptionModel.model_validate(fields.get("subscription", fields))
    return RollBackBegun(completed=subscription, held=False, differences=fields.get("differences", ()))
