"""The audit: four records of the same processes, compared with each other."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, JsonValue
from pydantic_core import from_json
from temporalio.client import WorkflowExecutionStatus

from catalogue import entry_of, workflow_type, workflows
from chaos.records import Execution, Records, Trail
from database.processes import ROLL_BACK
from products.process import ProcessStatus, Target, created_subscription_id
from products.subscription import Status, SubscriptionModel
from services.fake_system import Change, Record
from workflows.process import ProcessFrame

Kind = Literal["loss", "duplicate", "orphan", "contradiction"]

CLOSED_AS = {
    ProcessStatus.COMPLETED: WorkflowExecutionStatus.COMPLETED,
    ProcessStatus.ABORTED: WorkflowExecutionStatus.CANCELED,
    ProcessStatus.REFUSED: WorkflowExecutionStatus.FAILED,
    ProcessStatus.FAILED: WorkflowExecutionStatus.FAILED,
}
"""How Temporal must have closed what ended so in the trail."""

EXPLAINS = frozenset({ProcessStatus.FAILED, ProcessStatus.LOST})
"""How a process stands that may leave its subscription out of sync."""


class Finding(BaseModel):
    """Something that must not be."""

    kind: Kind
    about: str
    """The process, or the subscription."""
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.about} {self.what}"


class Report(BaseModel):
    """What an audit has found."""

    processes: dict[str, int]
    """How many have ended in which way."""
    subscriptions: int
    retries: int
    """Attempts beyond the first that Temporal has recorded."""
    findings: list[Finding]

    def count(self, kind: Kind) -> int:
        """Return how many findings are of this kind."""
        return sum(finding.kind == kind for finding in self.findings)


def audit(records: Records) -> Report:
    """Compare the records with each other; what does not fit is a finding."""
    judges: tuple[Callable[[Records], Iterator[Finding]], ...] = (
        _accepted,
        _strangers,
        _ledger,
        _subscriptions,
        _relations,
        _outside,
        _effects,
    )
    return Report(
        processes=dict(Counter(str(row.status) for row in records.trail.values())),
        subscriptions=len(records.subscriptions),
        retries=sum(execution.retries for execution in records.executions.values()),
        findings=[finding for judge in judges for finding in judge(records)],
    )


def _accepted(records: Records) -> Iterator[Finding]:
    """Every accepted process has ended, once, and Temporal and the trail agree on how."""
    for process_id in records.accepted:
        execution, row = records.executions.get(process_id), records.trail.get(process_id)
        if execution is None:
            yield Finding(kind="loss", about=process_id, what="was accepted, and Temporal does not know it")
        if row is None:
            yield Finding(kind="loss", about=process_id, what="was accepted, and is not in the trail")
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
    for said in execution.mended:
        yield Finding(kind="contradiction", about=process_id, what=f"would have needed somebody: {said}")


def _strangers(records: Records) -> Iterator[Finding]:
    """There is no process that nobody has started, and nothing that no process has made."""
    for process_id in records.executions.keys() - records.accepted.keys():
        yield Finding(kind="orphan", about=process_id, what="is in Temporal, and nobody has started it")
    for process_id in records.trail.keys() - records.accepted.keys():
        yield Finding(kind="orphan", about=process_id, what="is in the trail, and nobody has started it")
    made = {
        created_subscription_id(row.process_id)
        for row in records.trail.values()
        if row.target is Target.CREATE
    }
    for subscription_id in records.subscriptions.keys() - made:
        yield Finding(kind="orphan", about=str(subscription_id), what="is a subscription that nobody made")
    for system, outside in records.outside.items():
        for subscription_id in outside.keys() - records.subscriptions.keys():
            yield Finding(kind="orphan", about=str(subscription_id), what=f"is only in the {system}")


def _ledger(records: Records) -> Iterator[Finding]:
    """What is completed has done every step of its workflow; what is aborted, every step of its roll-back."""
    definitions = {workflow_type(one): one for one in workflows()}
    for row in records.trail.values():
        definition = definitions[row.workflow]
        missing = _required(row, definition) - row.results.keys()
        if missing:
            what = f"is {row.status} without {', '.join(sorted(missing))}"
            yield Finding(kind="loss", about=row.process_id, what=what)
        if row.status is ProcessStatus.COMPLETED and ROLL_BACK in row.results:
            yield Finding(kind="contradiction", about=row.process_id, what="is completed and rolled back")
        external = {step.name for step in definition.sequence if step.external}
        if row.status is ProcessStatus.REFUSED and external & row.results.keys():
            yield Finding(kind="contradiction", about=row.process_id, what="was refused after it had begun")


def _required(row: Trail, definition: type[ProcessFrame]) -> set[str]:
    if row.status is ProcessStatus.COMPLETED:
        return {step.name for step in definition.sequence}
    if row.status is ProcessStatus.ABORTED and ROLL_BACK not in row.results:
        return {ROLL_BACK}
    if row.status is ProcessStatus.ABORTED and from_json(row.results[ROLL_BACK])["held"]:
        return {f"roll_back: {step.name}" for step in definition.roll_back}
    return set()


@dataclass
class _Life:
    """What has become of one subscription, as its processes tell it."""

    subscription: SubscriptionModel
    creates: list[Trail]
    completed: list[tuple[Trail, SubscriptionModel]]
    """The modifications and terminations that have completed, in order of their versions."""
    aborted: int
    """How many others went back."""

    @property
    def changing(self) -> list[tuple[Trail, SubscriptionModel]]:
        """Those that have really changed it."""
        return [
            (row, result)
            for row, result in self.completed
            if row.before_image is None or result.differs_from(row.before_image)
        ]


def _lives(records: Records) -> Iterator[_Life]:
    by_subscription: dict[UUID, list[Trail]] = {}
    for row in records.trail.values():
        about = (
            created_subscription_id(row.process_id) if row.target is Target.CREATE else row.subscription_id
        )
        if about is not None:
            by_subscription.setdefault(about, []).append(row)
    for subscription_id, subscription in records.subscriptions.items():
        rows = by_subscription.get(subscription_id, [])
        done = [row for row in rows if row.status is ProcessStatus.COMPLETED and "resync" in row.results]
        completed = [
            (row, SubscriptionModel.model_validate_json(row.results["resync"]))
            for row in done
            if row.target is not Target.CREATE
        ]
        yield _Life(
            subscription,
            [row for row in rows if row.target is Target.CREATE],
            sorted(completed, key=lambda one: one[1].version),
            sum(row.status is ProcessStatus.ABORTED for row in rows),
        )


def _subscriptions(records: Records) -> Iterator[Finding]:
    """Every subscription is what its processes have made of it, and what the client has asked for."""
    for row in records.trail.values():
        made = created_subscription_id(row.process_id)
        completed_create = row.target is Target.CREATE and row.status is ProcessStatus.COMPLETED
        if completed_create and made not in records.subscriptions:
            yield Finding(kind="loss", about=row.process_id, what="has completed, and made no subscription")
    for life in _lives(records):
        subscription = life.subscription
        about = str(subscription.subscription_id)
        for what in (*_state(life), *_versions(life), *_dates(subscription), *_values(life, records)):
            yield Finding(kind="contradiction", about=about, what=what)
        ended = [row for row, _ in life.completed if row.target is Target.TERMINATE]
        if len(ended) > 1 or len(life.creates) > 1:
            yield Finding(kind="duplicate", about=about, what="was created or terminated more than once")
        holder = subscription.held_by or subscription.discrepancy_found_by
        if holder is not None:
            explanation = records.trail.get(holder)
            if explanation is None or explanation.status not in EXPLAINS:
                yield Finding(
                    kind="contradiction", about=about, what=f"is out of sync, by {holder}, for nothing"
                )


def _state(life: _Life) -> Iterator[str]:
    create = life.creates[0].status if life.creates else None
    ended = any(row.target is Target.TERMINATE for row, _ in life.completed)
    expected = {
        ProcessStatus.COMPLETED: Status.TERMINATED if ended else Status.ACTIVE,
        ProcessStatus.ABORTED: Status.TERMINATED,
    }
    if create in expected and life.subscription.status is not expected[create]:
        yield f"is {life.subscription.status}, and its processes have made it {expected[create]}"


def _versions(life: _Life) -> Iterator[str]:
    versions = [result.version for _, result in life.changing]
    if versions != list(range(2, len(versions) + 2)):
        yield f"has had the versions 1, {', '.join(map(str, versions))}"
    if life.subscription.version != len(versions) + 1:
        yield f"is at version {life.subscription.version} after {len(versions)} changes"


def _dates(subscription: SubscriptionModel) -> Iterator[str]:
    began, ended = subscription.start_date, subscription.end_date
    if subscription.status is Status.ACTIVE and (began is None or ended is not None):
        yield f"is active from {began} to {ended}"
    if subscription.status is Status.TERMINATED and (ended is None or (began is not None and began > ended)):
        yield f"is terminated, and was active from {began} to {ended}"


def _values(life: _Life, records: Records) -> Iterator[str]:
    results = [(row, result) for row, result in life.changing]
    for create in life.creates:
        if create.status is ProcessStatus.COMPLETED and "resync" in create.results:
            made = SubscriptionModel.model_validate_json(create.results["resync"])
            results.insert(0, (create, made))
    if not results:
        return
    now, last = life.subscription.block.own_values(), results[-1][1].block.own_values()
    if now != last:
        yield f"has {now}, and its last process has left {last}"
    for row, result in results:
        accepted = records.accepted.get(row.process_id)
        asked = accepted.fields if accepted else {}
        for name, value in result.block.own_values().items():
            if name in asked and asked[name] != value:
                yield f"got {name}={value!r} from {row.process_id}, which was asked for {asked[name]!r}"


def _relations(records: Records) -> Iterator[Finding]:
    """A subscription in sync depends on what its block refers to, and on nothing else."""
    for subscription_id, subscription in records.subscriptions.items():
        expected = set(subscription.block.owners().values())
        found = records.depends_on.get(subscription_id, set())
        if subscription.insync and found != expected:
            what = f"depends on {sorted(map(str, found))} instead of {sorted(map(str, expected))}"
            yield Finding(kind="contradiction", about=str(subscription_id), what=what)


def _outside(records: Records) -> Iterator[Finding]:
    """What is active is in its external system as it is here, once; what is terminated, is not."""
    for outside in records.outside.values():
        numbers = Counter(record.record_id for record in outside.values())
        for number in (number for number, times in numbers.items() if times > 1):
            yield Finding(kind="duplicate", about=f"record {number}", what="is there more than once")
    for subscription in records.subscriptions.values():
        if not subscription.insync:
            continue
        record = records.outside[_system(subscription)].get(subscription.subscription_id)
        about = str(subscription.subscription_id)
        if subscription.status is Status.ACTIVE and record is None:
            yield Finding(kind="loss", about=about, what="is active, and is not in its external system")
        elif subscription.status is Status.TERMINATED and record is not None:
            yield Finding(kind="orphan", about=about, what="is terminated, and is in its external system")
        elif record is not None and not _same(record, subscription):
            what = f"is {record} in its external system, and {subscription.block.own_values()} here"
            yield Finding(kind="contradiction", about=about, what=what)


def _same(record: Record, subscription: SubscriptionModel) -> bool:
    # The number of the record is the one resource type that the system has given.
    own: dict[str, JsonValue] = subscription.block.own_values()
    return record.record_id in own.values() and all(
        own[name] == value for name, value in record.attributes.items() if name in own
    )


def _effects(records: Records) -> Iterator[Finding]:
    """Each process has changed its external system as often as it had to: once, or there and back."""
    changes: dict[UUID, list[Change]] = {}
    for done in records.changes.values():
        for change in done:
            changes.setdefault(change.subscription_id, []).append(change)
    for life in _lives(records):
        about = life.subscription.subscription_id
        done = changes.get(about, [])
        twice = [token for token, times in Counter(change.token for change in done).items() if times > 1]
        for token in twice:
            yield Finding(kind="duplicate", about=str(about), what=f"was changed twice under token {token}")
        due = len(life.changing) + sum(row.status is ProcessStatus.COMPLETED for row in life.creates)
        beyond = len(done) - due
        if beyond < 0:
            what = f"has had {len(done)} effects outside instead of {due}"
            yield Finding(kind="loss", about=str(about), what=what)
        elif life.subscription.insync and (beyond % 2 or beyond > 2 * life.aborted):
            what = f"has had {len(done)} effects outside; {due} were due, {life.aborted} processes went back"
            yield Finding(kind="duplicate", about=str(about), what=what)


def _system(subscription: SubscriptionModel) -> str:
    entry = entry_of(subscription.product.type)
    assert entry is not None
    return entry.external_system
