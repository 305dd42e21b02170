"""What processes have left whose results clean-up has dropped, as far as later records say so."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from orchestrator.database.connection import Pool
from orchestrator.domain.process import ProcessStatus, Target, created_subscription_id
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.operations.clean_up_activities import CleanUpActivities, CleanUpPage
from trials.records import Records, Trail

LAST = "resync"
"""The step whose result is the subscription as its process has left it."""


async def clean_up_everything(pool: Pool) -> None:
    """Clean up whatever has ended."""
    page = CleanUpPage(before=datetime.max.replace(tzinfo=UTC), at=datetime.now(UTC))
    while (await CleanUpActivities(pool, 1).clean_up_page(page)).more:
        pass


def restore_results(records: Records) -> None:
    """Restore the results of completed processes from what the next process on the subscription has found.

    A process found the subscription as the one before it had left it, and keeps that as its before-image.
    """
    by_subscription: dict[UUID, list[Trail]] = {}
    for row in records.trail.values():
        about = (
            created_subscription_id(row.process_id) if row.target is Target.CREATE else row.subscription_id
        )
        if about is not None:
            by_subscription.setdefault(about, []).append(row)
    for about, rows in by_subscription.items():
        found = [row.before_image for row in rows if row.before_image is not None]
        now = records.subscriptions.get(about)
        states = {one.version: one for one in (*found, now) if one is not None}
        for process_id, left in _left(rows, states):
            row = records.trail[process_id]
            restored = row.results | {LAST: left.model_dump_json()}
            records.trail[process_id] = row.model_copy(update={"results": restored})


def _left(
    rows: Iterable[Trail], states: dict[int, SubscriptionModel]
) -> Iterable[tuple[str, SubscriptionModel]]:
    """Yield each process whose result was dropped, with the subscription as it has left it.

    Args:
        rows: the processes on one subscription.
        states: the subscription at each version.
    """
    dropped = [row for row in rows if _was_dropped(row)]
    last_of_version = {
        row.before_image.version: row.process_id
        for row in sorted(dropped, key=lambda row: str(row.ended_at))
        if row.before_image is not None
    }
    for row in dropped:
        before = row.before_image
        if before is None:
            left = states.get(1)
        else:  # of those that found one version, only the last one can have changed it
            changed = last_of_version[before.version] == row.process_id
            left = states.get(before.version + 1, before) if changed else before
        if left is not None:
            yield row.process_id, left


def _was_dropped(row: Trail) -> bool:
    done = row.status is ProcessStatus.COMPLETED and LAST in row.results
    return done and row.results[LAST] is None
