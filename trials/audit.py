"""The audit: compare four records of the same processes with each other."""

from collections import Counter
from collections.abc import Callable, Iterator
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import from_json
from temporalio.client import WorkflowExecutionStatus

from catalogue import validating_workflows, workflow_type, workflows
from orchestrator.database.processes import ROLL_BACK
from orchestrator.domain.process import ProcessStatus, Target, created_subscription_id
from orchestrator.process.frame import ProcessFrame
from trials.dropped import restore_results
from trials.findings import Finding, Kind
from trials.lives import effects_fit, outside_fit, relations_fit, subscriptions_fit
from trials.records import Execution, Records, Trail

CLOSED_AS = {
    ProcessStatus.COMPLETED: WorkflowExecutionStatus.COMPLETED,
    ProcessStatus.ABORTED: WorkflowExecutionStatus.CANCELED,
    ProcessStatus.REFUSED: WorkflowExecutionStatus.FAILED,
    ProcessStatus.FAILED: WorkflowExecutionStatus.FAILED,
}
"""How Temporal must have closed a process, by its status in the trail."""


class Report(BaseModel):
    """The result of an audit."""

    processes: dict[str, int]
    """Number of processes, by the status in which they ended."""
    subscriptions: int
    retries: int
    """Attempts beyond the first, as far as Temporal has recorded them."""
    findings: list[Finding]

    def count(self, kind: Kind) -> int:
        """Return how many findings are of this kind."""
        return sum(finding.kind == kind for finding in self.findings)


def audit(records: Records) -> Report:
    """Compare the records with each other; each contradiction is a finding."""
    restore_results(records)
    judges: tuple[Callable[[Records], Iterator[Finding]], ...] = (
        _accepted,
        _strangers,
        _folded,
        _ledger,
        subscriptions_fit,
        relations_fit,
        outside_fit,
        effects_fit,
    )
    return Report(
        processes=dict(Counter(str(row.status) for row in records.trail.values())),
        subscriptions=len(records.subscriptions),
        retries=sum(execution.retries for execution in records.executions.values()),
        findings=[finding for judge in judges for finding in judge(records)],
    )


def _accepted(records: Records) -> Iterator[Finding]:
    """Check that every accepted process ended once, and that Temporal and the trail agree on how."""
    for process_id in records.accepted:
        execution, row = records.executions.get(process_id), records.trail.get(process_id)
        if execution is None:
            yield Finding(kind="loss", about=process_id, what="was accepted, but Temporal does not know it")
        if row is None and not _is_validation(records, process_id):  # a summary counts those
            yield Finding(kind="loss", about=process_id, what="was accepted, but is not in the trail")
        if execution is not None and row is not None:
            yield from _ended(process_id, execution, row)


def _ended(process_id: str, execution: Execution, row: Trail) -> Iterator[Finding]:
    if execution.status is WorkflowExecutionStatus.RUNNING or row.ended_at is None:
        what = f"has not ended: {row.status}, {execution.status.name}"
        yield Finding(kind="loss", about=process_id, what=what)
    elif CLOSED_AS.get(row.status) is not execution.status:
        what = f"is {row.status} in the trail, {execution.status.name} in Temporal"
        yield Finding(kind="contradiction", about=process_id, what=what)
    if execution.first_run_ids != {row.first_execution_run_id}:
        yield Finding(kind="duplicate", about=process_id, what="was started more than once")
    for event in execution.interventions:
        yield Finding(kind="contradiction", about=process_id, what=f"needed an operator: {event}")


def _strangers(records: Records) -> Iterator[Finding]:
    """Check that the client started every process, and that processes made all subscriptions and records."""
    for process_id in records.executions.keys() - records.accepted.keys():
        yield Finding(kind="orphan", about=process_id, what="is in Temporal, but the client did not start it")
    for process_id in records.trail.keys() - records.accepted.keys():
        yield Finding(
            kind="orphan", about=process_id, what="is in the trail, but the client did not start it"
        )
    made = {
        created_subscription_id(row.process_id)
        for row in records.trail.values()
        if row.target is Target.CREATE
    }
    for subscription_id in records.subscriptions.keys() - made:
        yield Finding(
            kind="orphan", about=str(subscription_id), what="is a subscription that no process made"
        )
    for system, outside in records.outside.items():
        for subscription_id in outside.keys() - records.subscriptions.keys():
            yield Finding(
                kind="orphan", about=str(subscription_id), what=f"is in {system}, but is no subscription"
            )


def _is_validation(records: Records, process_id: str) -> bool:
    return records.accepted[process_id].workflow in validating_workflows().values()


def _folded(records: Records) -> Iterator[Finding]:
    """Check that the summaries count exactly the validations that are not in the trail, which completed."""
    gone: Counter[UUID] = Counter()
    for process_id in records.accepted.keys() - records.trail.keys():
        if _is_validation(records, process_id):
            gone[UUID(str(records.accepted[process_id].fields["subscription_id"]))] += 1
            execution = records.executions.get(process_id)
            if execution is not None and execution.status is not WorkflowExecutionStatus.COMPLETED:
                what = f"is not in the trail, but {execution.status.name} in Temporal"
                yield Finding(kind="contradiction", about=process_id, what=what)
    for subscription_id in gone.keys() | records.folded.keys():
        missing, counted = gone[subscription_id], records.folded.get(subscription_id, 0)
        if missing != counted:
            what = f"lacks {missing} validations in the trail, but its summary counts {counted}"
            yield Finding(
                kind="loss" if missing > counted else "orphan", about=str(subscription_id), what=what
            )


def _ledger(records: Records) -> Iterator[Finding]:
    """Check that a completed process did every step, and an aborted one every step of its roll-back."""
    definitions = {workflow_type(one): one for one in workflows()}
    for row in records.trail.values():
        definition = definitions[row.workflow]
        missing = _required(row, definition) - row.results.keys()
        if missing:
            what = f"is {row.status} without {', '.join(sorted(missing))}"
            yield Finding(kind="loss", about=row.process_id, what=what)
        if row.status is ProcessStatus.COMPLETED and ROLL_BACK in row.results:
            yield Finding(
                kind="contradiction", about=row.process_id, what="is completed, but was rolled back"
            )
        external = {step.key for step in definition.sequence if step.external}
        if row.status is ProcessStatus.REFUSED and external & row.results.keys():
            yield Finding(
                kind="contradiction",
                about=row.process_id,
                what="was refused after it had called an external system",
            )


def _required(row: Trail, definition: type[ProcessFrame]) -> set[str]:
    if row.status is ProcessStatus.COMPLETED:
        return {step.key for step in definition.sequence}
    if row.status is ProcessStatus.ABORTED and ROLL_BACK not in row.results:
        return {ROLL_BACK}
    if row.status is ProcessStatus.ABORTED and from_json(row.results[ROLL_BACK] or "")["held"]:
        return {f"roll_back: {step.key}" for step in definition.roll_back}
    return set()
