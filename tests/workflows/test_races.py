"""Many concurrent processes: one gets the subscription, and no user stays in a terminated group."""

import asyncio
from collections import Counter
from uuid import UUID

from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import Handle, Processes, eventually

MANY = 100
NAMES = [str(number) for number in range(1, MANY + 1)]


async def rename_at_once(processes: Processes, group_id: UUID) -> list[Handle]:
    return await asyncio.gather(
        *(processes.start("modify_user_group", group_id, group_name=name) for name in NAMES)
    )


async def statuses(processes: Processes, handles: list[Handle]) -> Counter[ProcessStatus]:
    rows = [await processes.row(handle) for handle in handles]
    return Counter(row.status for row in rows if row is not None)


async def test_one_of_100_concurrent_modifies_gets_the_subscription(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    """The external system is unreachable, so the winner holds it until all others are refused."""
    group_id = await processes.active_group("0")
    await groups.system.order(Fault(kind="unreachable"))
    handles = await rename_at_once(processes, group_id)

    async def all_others_are_refused() -> bool | None:
        return (await statuses(processes, handles))[ProcessStatus.REFUSED] == MANY - 1 or None

    await eventually(all_others_are_refused, seconds=60)
    assert not (await processes.read(group_id)).insync
    await groups.system.clear_faults()
    await asyncio.gather(*(processes.until_closed(handle) for handle in handles))
    assert (await statuses(processes, handles))[ProcessStatus.COMPLETED] == 1
    assert (await processes.read(group_id)).version == 2


async def test_concurrent_modifies_complete_one_after_another(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group("0")
    handles = await rename_at_once(processes, group_id)
    await asyncio.gather(*(processes.until_closed(handle) for handle in handles))
    found, group = await statuses(processes, handles), await processes.read(group_id)
    assert set(found) <= {ProcessStatus.COMPLETED, ProcessStatus.REFUSED}
    assert sum(found.values()) == MANY
    assert await versions(processes, group_id) == list(range(2, found[ProcessStatus.COMPLETED] + 2))
    assert (group.insync, group.version) == (True, 1 + found[ProcessStatus.COMPLETED])


async def versions(processes: Processes, subscription_id: UUID) -> list[int]:
    """Return the versions that the completed modifies stored, in the order of their ends."""
    rows = await processes.pool.fetch(
        """
        SELECT (s.result->>'version')::integer AS version
        FROM process_steps s
        JOIN processes p USING (process_id)
        WHERE p.subscription_id = $1 AND p.target = 'MODIFY' AND s.step = 'resync'
        ORDER BY p.ended_at
        """,
        subscription_id,
    )
    return [row["version"] for row in rows]


async def test_a_user_is_never_active_in_a_terminated_group(worker: None, processes: Processes) -> None:
    """Each user is created while its group is being terminated."""
    outcomes = Counter([outcome for _ in range(MANY // 20) for outcome in await twenty_pairs(processes)])
    assert set(outcomes) <= {"the user is active in the group", "the group is terminated without a user"}
    assert sum(outcomes.values()) == MANY


async def twenty_pairs(processes: Processes) -> list[str]:
    return await asyncio.gather(*(create_and_terminate(processes, number) for number in range(20)))


async def create_and_terminate(processes: Processes, number: int) -> str:
    group_id = await processes.active_group()
    starts = [processes.create_user(group_id), processes.start("terminate_user_group", group_id)]
    first, second = await asyncio.gather(*(starts if number % 2 else reversed(starts)))
    creating, terminating = (first, second) if number % 2 else (second, first)
    await asyncio.gather(*(processes.until_closed(handle) for handle in (creating, terminating)))
    group, user = await processes.read(group_id), await processes.subscription(creating)
    ended = await statuses(processes, [creating, terminating])
    if user is not None and (user.status, group.status) == (Status.ACTIVE, Status.ACTIVE):
        return "the user is active in the group"
    if user is None and group.status is Status.TERMINATED:
        return "the group is terminated without a user"
    return f"user {user and user.status}, group {group.status}, processes {dict(ended)}"


async def test_a_validation_never_unlocks_for_another_process(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="reject", name="Reserved"))
    holder = await processes.start("modify_user_group", group_id, group_name="Reserved")
    await processes.until_parked(holder)
    before = await processes.read(group_id)
    validations = [await processes.start("validate_user_group", group_id) for _ in range(10)]
    await asyncio.gather(*(processes.until_closed(handle) for handle in validations))
    assert await statuses(processes, validations) == {ProcessStatus.REFUSED: 10}
    assert await processes.read(group_id) == before
    assert before.held_by == holder.id
