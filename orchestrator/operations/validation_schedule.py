"""The Temporal Schedule that regularly validates every active subscription."""

from datetime import datetime, timedelta

from pydantic import BaseModel
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
    WorkflowHandle,
)
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.operations.validate_subscriptions import (
    Totals,
    ValidateSubscriptions,
    ValidateSubscriptionsForm,
)
from orchestrator.temporal.executions import find_execution
from orchestrator.temporal.task_queue import TASK_QUEUE

SCHEDULE_ID = "validate-subscriptions"

CATCH_UP = timedelta(hours=1)
"""A run that Temporal missed while it was down starts late only within this time; else it is skipped."""


class ValidationSchedule(BaseModel):
    """The schedule of the validation of all, as Temporal has it."""

    every: timedelta | None
    """Interval; `None` if there is no schedule, or if it was changed in Temporal to have no interval."""
    scheduled: bool = True
    paused: bool = False
    """Whether it was paused in Temporal, so that it does not run."""
    next_at: datetime | None = None
    last_at: datetime | None = None
    last_process_id: str | None = None
    """Process of the last run; `None` if there was none."""
    last_totals: Totals | None = None
    """What the last run found; `None` while it runs, if it was aborted, or if Temporal has forgotten it."""


async def schedule_validation(
    client: Client, every: timedelta, form: ValidateSubscriptionsForm, *, task_queue: str = TASK_QUEUE
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
            ValidateSubscriptions.run,
            form,
            id="validate_subscriptions-scheduled",  # Temporal adds the time
            task_queue=task_queue,
            static_summary="Validate every active subscription",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )
    try:
        await client.create_schedule(SCHEDULE_ID, schedule)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(SCHEDULE_ID).update(lambda _: ScheduleUpdate(schedule=schedule))


async def end_schedule(client: Client) -> None:
    """Delete the schedule, if there is one; a running validation continues. Idempotent."""
    try:
        await client.get_schedule_handle(SCHEDULE_ID).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def read_schedule(client: Client) -> ValidationSchedule:
    """Return the schedule; its `scheduled` is `False` if there is none."""
    try:
        found = await client.get_schedule_handle(SCHEDULE_ID).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return ValidationSchedule(every=None, scheduled=False)
        raise
    schedule = _schedule(found)
    return schedule.model_copy(update={"last_totals": await _totals(client, schedule.last_process_id)})


async def _totals(client: Client, process_id: str | None) -> Totals | None:
    execution = None if process_id is None else await find_execution(client, process_id)
    if process_id is None or execution is None or execution.closed_as != "completed":
        return None
    handle: WorkflowHandle[ValidateSubscriptions, Totals] = client.get_workflow_handle(
        process_id, result_type=Totals
    )
    return await handle.result()


def _schedule(found: ScheduleDescription) -> ValidationSchedule:
    intervals = found.schedule.spec.intervals
    last = found.info.recent_actions[-1] if found.info.recent_actions else None
    started = last.action if last else None
    return ValidationSchedule(
        every=intervals[0].every if intervals else None,
        paused=found.schedule.state.paused,
        next_at=next(iter(found.info.next_action_times), None),
        last_at=last.started_at if last else None,
        last_process_id=started.workflow_id
        if isinstance(started, ScheduleActionExecutionStartWorkflow)
        else None,
    )
