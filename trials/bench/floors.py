"""Floors: workflows that do nothing. What they cost, Temporal costs."""

from datetime import timedelta

from temporalio import activity, workflow

STEPS = 6
"""Steps of a create of the first product."""
TIMEOUT = timedelta(seconds=30)


@activity.defn(name="do_nothing")
async def do_nothing() -> None:
    """Do nothing."""


@workflow.defn(name="empty_workflow")
class EmptyWorkflow:
    """Complete at once."""

    @workflow.run
    async def run(self) -> None:
        """Do nothing."""


@workflow.defn(name="six_activities")
class SixActivities:
    """Run six regular activities that do nothing, one after the other."""

    @workflow.run
    async def run(self) -> None:
        """Run the activities."""
        for _ in range(STEPS):
            await workflow.execute_activity(do_nothing, start_to_close_timeout=TIMEOUT)


@workflow.defn(name="six_local_activities")
class SixLocalActivities:
    """Run six local activities that do nothing, one after the other."""

    @workflow.run
    async def run(self) -> None:
        """Run the activities."""
        for _ in range(STEPS):
            await workflow.execute_local_activity(do_nothing, start_to_close_timeout=TIMEOUT)


WORKFLOWS = (EmptyWorkflow, SixActivities, SixLocalActivities)
