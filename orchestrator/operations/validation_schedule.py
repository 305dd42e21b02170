"""The Temporal Schedule by which every active subscription is validated again and again."""

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
)
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.operations.validate_subscriptions import ValidateSubscriptions, ValidateSubscriptionsForm
from orchestrator.temporal.plugin import TASK_QUEUE

SCHEDULE_ID = "validate-subscriptions"

CATCH_UP = timedelta(hours=1)
"""What was missed for longer, because Temporal was down, is not made up for: the next time comes."""


class ValidationSchedule(BaseModel):
    """When every active subscription is validated."""

    every: timedelta | None
    """`None` where nothing is scheduled, or somebody has set other times in Temporal."""
    scheduled: bool = True
    paused: bool = False
    """Whether somebody has paused it, in Temporal: then it does not run."""
    next_at: datetime | None = None
    last_at: datetime | None = None
    last_process_id: str | None = None
    """The process of the last time."""


async def schedule_validation(
    client: Client, every: timedelta, form: ValidateSubscriptionsForm, *, task_queue: str = TASK_QUEUE
) -> None:
    """Validate every active subscription again and again, from now on; what was scheduled before is replaced.

    A time at which the validation of the time before still runs is left out.

    Args:
        every: at least a second.
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
    """Schedule no validation any more; one that runs goes on. Does nothing where none is scheduled."""
    try:
        await client.get_schedule_handle(SCHEDULE_ID).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def read_schedule(client: Client) -> ValidationSchedule:
    """Return when every active subscription is validated."""
    try:
        found = await client.get_schedule_handle(SCHEDULE_ID).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return ValidationSchedule(every=None, scheduled=False)
        raise
    return _schedule(found)


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
