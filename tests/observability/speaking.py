"""Workflows that log, in a file of their own, which the sandbox runs again."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from orchestrator.process.forms import OperatorNote


@workflow.defn
class Speaking:
    """Logs before and after a pause."""

    @workflow.run
    async def run(self, note: OperatorNote) -> None:
        workflow.logger.warning("half way")
        await workflow.sleep(1)
        workflow.logger.warning("through")


@workflow.defn
class Failing:
    """Has a defect: its task fails."""

    @workflow.run
    async def run(self, note: OperatorNote) -> float:
        return 1 / len("")
