"""The Temporal Schedules that regularly validate every active subscription, and clean up."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, SerializeAsAny
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
)
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.operations.clean_up import CleanedUp
from orchestrator.operations.validate_subscriptions import Totals
from orchestrator.process.forms import OperatorNote
from orchestrator.temporal.executions import find_execution
from orchestrator.temporal.task_queue import TASK_QUEUE

CATCH_UP = timedelta(hours=1)
"""A run that Temporal missed while it was down starts late only within this time; else it is skipped."""


@dataclass(frozen=True)
class Regular:
    """What a schedule starts."""

    schedule_id: str
    workflow: str
    """Its workflow type."""
    title: str
    result: type[BaseModel]
    """What a run returns."""


VALIDATION = Regular(
    "validate-subscriptions", "validate_subscriptions", "Validate every active subscription", Totals
)
CLEAN_UP = Regular("clean-up", "clean_up", "Clean up what has ended long ago", CleanedUp)


class RegularSchedule(BaseModel):
    """A schedule, as Temporal has it."""

    every: timedelta | None
    """Interval; `None` if there is no schedule, or if it was changed in Temporal to have no interval."""
    scheduled: bool = True
    paused: bool = False
    """Whether it was paused in Temporal, so that it does not run."""
    next_at: datetime | None = None
    last_at: datetime | None = None
    last_process_id: str | None = None
    """Process of the last run; `None` if there was none."""
    last_totals: SerializeAsAny[BaseModel] | None = None
    """Result of the last run; `None` while it runs, if it was aborted, or if Temporal has forgotten it."""


async def set_schedule(
    client: Client, regular: Regular, every: timedelta, form: OperatorNote, *, task_queue: str = TASK_QUEUE
) -> None:
    """Create the schedule, or replace it.

    A run is skipped if the previous one has not ended.

    Args:
        every: interval, at least one second.
        form: input of each run.

    Raises:
        RPCError: when Temporal does not answer.
    """
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            regular.workflow,
            form,
            id=f"{regular.workflow}-scheduled",  # Temporal adds the time
            task_queue=task_queue,
            static_summary=regular.title,
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )
    try:
        await client.create_schedule(regular.schedule_id, schedule)
    except ScheduleAlreadyRunningError:
        handle = client.get_schedule_handle(regular.schedule_id)
        await handle.update(lambda _: ScheduleUpdate(schedule=schedule))


async def end_schedule(client: Client, regular: Regular) -> None:
    """Delete the schedule, if there is one; a run that has begun continues. Idempotent."""
    try:
        await client.get_schedule_handle(regular.schedule_id).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def read_schedule(client: Client, regular: Regular) -> RegularSchedule:
    """Return the schedule; its `scheduled` is `False` if there is none."""
    try:
        found = await client.get_schedule_handle(regular.schedule_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return RegularSchedule(every=None, scheduled=False)
        raise
    schedule = _schedule(found)
    last_totals = await _result(client, regular, schedule.last_process_id)
    return schedule.model_copy(update={"last_totals": last_totals})


async def _result(client: Client, regular: Regular, process_id: str | None) -> BaseModel | None:
    execution = None if process_id is None else await find_execution(client, process_id)
    if process_id is None or execution is None or execution.closed_as != "completed":
        return None
    handle = client.get_workflow_handle(process_id, result_type=regular.result)
    result: BaseModel = await handle.result()
    return result


def _schedule(found: ScheduleDescription) -> RegularSchedule:
    intervals = found.schedule.spec.intervals
    last = found.info.recent_actions[-1] if found.info.recent_actions else None
    started = last.action if last else None
    return RegularSchedule(
        every=intervals[0].every if intervals else None,
        paused=found.schedule.state.paused,
        next_at=next(iter(found.info.next_action_times), None),
        last_at=last.started_at if last else None,
        last_process_id=started.workflow_id
        if isinstance(started, ScheduleActionExecutionStartWorkflow)
        else None,
    )
