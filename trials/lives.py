"""The part of the audit that follows each subscription from create to terminate, inside and outside."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from pydantic import JsonValue

from catalogue import entry_of
from orchestrator.domain.process import ProcessStatus, Target, created_subscription_id
from orchestrator.domain.subscription import Status, SubscriptionModel
from services.fake_system import Change, Record
from trials.dropped import LAST
from trials.findings import Finding
from trials.records import Records, Trail

EXPLAINS = frozenset({ProcessStatus.FAILED, ProcessStatus.LOST})
"""Statuses in which a process may leave its subscription out of sync."""


@dataclass
class Life:
    """A subscription and its processes."""

    subscription: SubscriptionModel
    creates: list[Trail]
    completed: list[tuple[Trail, SubscriptionModel]]
    """The completed processes other than creates, with the subscription they left, in order of version."""
    aborted: int
    """Number of processes that were rolled back."""

    @property
    def changing(self) -> list[tuple[Trail, SubscriptionModel]]:
        """The completed processes that changed it."""
        return [
            (row, result)
            for row, result in self.completed
            if row.before_image is None or result.differs_from(row.before_image)
        ]


def _lives(records: Records) -> Iterator[Life]:
    by_subscription: dict[UUID, list[Trail]] = {}
    for row in records.trail.values():
        about = (
            created_subscription_id(row.process_id) if row.target is Target.CREATE else row.subscription_id
        )
        if about is not None:
            by_subscription.setdefault(about, []).append(row)
    for subscription_id, subscription in records.subscriptions.items():
        rows = by_subscription.get(subscription_id, [])
        completed = [
            (row, left)
            for row in rows
            if row.target is not Target.CREATE and (left := _left(row)) is not None
        ]
        yield Life(
            subscription,
            [row for row in rows if row.target is Target.CREATE],
            sorted(completed, key=lambda one: one[1].version),
            sum(row.status is ProcessStatus.ABORTED for row in rows),
        )


def _left(row: Trail) -> SubscriptionModel | None:
    """Return the subscription as this process has left it; `None` if it has not completed."""
    result = row.results.get(LAST) if row.status is ProcessStatus.COMPLETED else None
    return None if result is None else SubscriptionModel.model_validate_json(result)


def subscriptions_fit(records: Records) -> Iterator[Finding]:
    """Check that each subscription has the values that its processes stored and that the client asked for."""
    for row in records.trail.values():
        made = created_subscription_id(row.process_id)
        completed_create = row.target is Target.CREATE and row.status is ProcessStatus.COMPLETED
        if completed_create and made not in records.subscriptions:
            yield Finding(kind="loss", about=row.process_id, what="has completed, but made no subscription")
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
                    kind="contradiction",
                    about=about,
                    what=f"is out of sync because of {holder}, which ended without a failure",
                )


def _state(life: Life) -> Iterator[str]:
    create = life.creates[0].status if life.creates else None
    ended = any(row.target is Target.TERMINATE for row, _ in life.completed)
    expected = {
        ProcessStatus.COMPLETED: Status.TERMINATED if ended else Status.ACTIVE,
        ProcessStatus.ABORTED: Status.TERMINATED,
    }
    if create in expected and life.subscription.status is not expected[create]:
        yield f"is {life.subscription.status}, but its processes made it {expected[create]}"


def _versions(life: Life) -> Iterator[str]:
    versions = [result.version for _, result in life.changing]
    if versions != list(range(2, len(versions) + 2)):
        yield f"had the versions 1, {', '.join(map(str, versions))}"
    if life.subscription.version != len(versions) + 1:
        yield f"is at version {life.subscription.version} after {len(versions)} changes"


def _dates(subscription: SubscriptionModel) -> Iterator[str]:
    began, ended = subscription.start_date, subscription.end_date
    if subscription.status is Status.ACTIVE and (began is None or ended is not None):
        yield f"is active from {began} to {ended}"
    if subscription.status is Status.TERMINATED and (ended is None or (began is not None and began > ended)):
        yield f"is terminated, but was active from {began} to {ended}"


def _values(life: Life, records: Records) -> Iterator[str]:
    results = [(row, result) for row, result in life.changing]
    for create in life.creates:
        if (made := _left(create)) is not None:
            results.insert(0, (create, made))
    if not results:
        return
    now, last = life.subscription.block.own_values(), results[-1][1].block.own_values()
    if now != last:
        yield f"has {now}, but its last process left {last}"
    for row, result in results:
        accepted = records.accepted.get(row.process_id)
        asked = accepted.fields if accepted else {}
        for name, value in result.block.own_values().items():
            if name in asked and asked[name] != value:
                yield f"got {name}={value!r} from {row.process_id}, but the client asked for {asked[name]!r}"


def relations_fit(records: Records) -> Iterator[Finding]:
    """Check that a subscription in sync depends on exactly the subscriptions that its block refers to."""
    for subscription_id, subscription in records.subscriptions.items():
        expected = set(subscription.block.owners().values())
        found = records.depends_on.get(subscription_id, set())
        if subscription.insync and found != expected:
            what = f"depends on {sorted(map(str, found))} instead of {sorted(map(str, expected))}"
            yield Finding(kind="contradiction", about=str(subscription_id), what=what)


def outside_fit(records: Records) -> Iterator[Finding]:
    """Check that each external system has exactly the active subscriptions, with the same values."""
    for outside in records.outside.values():
        numbers = Counter(record.record_id for record in outside.values())
        for number in (number for number, times in numbers.items() if times > 1):
            yield Finding(
                kind="duplicate", about=f"record {number}", what="belongs to more than one subscription"
            )
    for subscription in records.subscriptions.values():
        if not subscription.insync:
            continue
        record = records.outside[_system(subscription)].get(subscription.subscription_id)
        about = str(subscription.subscription_id)
        if subscription.status is Status.ACTIVE and record is None:
            yield Finding(kind="loss", about=about, what="is active, but is not in its external system")
        elif subscription.status is Status.TERMINATED and record is not None:
            yield Finding(kind="orphan", about=about, what="is terminated, but is in its external system")
        elif record is not None and not _same(record, subscription):
            what = f"is {record} in its external system, but {subscription.block.own_values()} inside"
            yield Finding(kind="contradiction", about=about, what=what)


def _same(record: Record, subscription: SubscriptionModel) -> bool:
    # The system assigns the id of the record, which is stored as a resource type of the block.
    own: dict[str, JsonValue] = subscription.block.own_values()
    return record.record_id in own.values() and all(
        own[name] == value for name, value in record.attributes.items() if name in own
    )


def effects_fit(records: Records) -> Iterator[Finding]:
    """Check that each process changed its external system once, or there and back if it was rolled back."""
    changes: dict[UUID, list[Change]] = {}
    for done in records.changes.values():
        for change in done:
            changes.setdefault(change.subscription_id, []).append(change)
    for life in _lives(records):
        if _system(life.subscription) not in records.changes:
            continue
        about = life.subscription.subscription_id
        done = changes.get(about, [])
        twice = [token for token, times in Counter(change.token for change in done).items() if times > 1]
        for token in twice:
            yield Finding(kind="duplicate", about=str(about), what=f"was changed twice under token {token}")
        due = len(life.changing) + sum(row.status is ProcessStatus.COMPLETED for row in life.creates)
        beyond = len(done) - due
        if beyond < 0:
            what = f"had {len(done)} effects outside instead of {due}"
            yield Finding(kind="loss", about=str(about), what=what)
        elif life.subscription.insync and (beyond % 2 or beyond > 2 * life.aborted):
            what = f"had {len(done)} effects outside, but {due} were due, and {life.aborted} roll-backs"
            yield Finding(kind="duplicate", about=str(about), what=what)


def _system(subscription: SubscriptionModel) -> str:
    entry = entry_of(subscription.product.type)
    assert entry is not None
    return entry.external_system
