"""A roll-back asks the database which steps have committed, and undoes them."""

import asyncio
from uuid import UUID

import pytest

from orchestrator.domain.errors import NotHeldByThisProcess, ProcessAlreadyExists, RequestRejected, StaleToken
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from orchestrator.process.messages import RollBackBegun
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from services.group_management import Group
from tests.activities.stepwise import BACKWARD, FORWARD, Stepwise


class FrozenGroupManagement(FakeGroupManagement):
    """Holds a provisioning back before the request is sent, until `woken` is set."""

    def __init__(self, groups: FakeGroupManagement) -> None:
        super().__init__(groups.system)
        self.frozen = asyncio.Event()
        self.woken = asyncio.Event()

    async def provision_group(self, subscription_id: UUID, group_name: str, *, token: int) -> Group:
        self.frozen.set()
        await self.woken.wait()
        return await super().provision_group(subscription_id, group_name, token=token)


async def fence(creation: Stepwise) -> int:
    row = await creation.subscription_row()
    assert row is not None
    token: int = row["fence"]
    return token


async def roll_back(creation: Stepwise) -> None:
    """Run the whole roll-back."""
    await creation.begin_roll_back()
    for step in BACKWARD:
        await creation.step(step)


@pytest.mark.parametrize("step", FORWARD[:-1])
async def test_a_roll_back_from_any_step_ends_terminated_and_in_sync(
    creation: Stepwise, groups: FakeGroupManagement, step: str
) -> None:
    await creation.through(step)

    await roll_back(creation)

    ended = await creation.step("roll_back: resync")
    assert (ended.status, ended.held_by, ended.insync) == (Status.TERMINATED, None, True)
    assert await groups.find_group(creation.subscription_id) is None


async def test_a_roll_back_keeps_the_values_and_sets_the_end_date(creation: Stepwise) -> None:
    await creation.through("provision_user_group")
    await creation.begin_roll_back()
    await creation.step("roll_back: deprovision_user_group")

    terminated = await creation.step("roll_back: set_status")

    assert terminated.end_date == creation.now
    assert (terminated.start_date, terminated.description) == (None, "User Group Network operators")


@pytest.mark.parametrize("step", FORWARD)
async def test_no_step_commits_once_the_roll_back_has_begun(creation: Stepwise, step: str) -> None:
    await creation.before(step)
    await creation.begin_roll_back()
    before = await creation.footprint()

    with pytest.raises(NotHeldByThisProcess, match="held by its own roll-back"):
        await creation.step(step)
    assert await creation.footprint() == before


@pytest.mark.parametrize("step", FORWARD[:-1])
async def test_a_committed_step_still_answers_during_the_roll_back(creation: Stepwise, step: str) -> None:
    first = await creation.through(step)
    await creation.begin_roll_back()
    before = await creation.effects()

    assert await creation.step(step) == first
    assert await creation.effects() == before


async def test_a_roll_back_undoes_what_the_process_holds(
    creation: Stepwise,
) -> None:
    await creation.through("create_subscription")
    assert await creation.begin_roll_back() == RollBackBegun(completed=None, held=True)


async def test_a_roll_back_before_the_first_step_has_nothing_to_undo(creation: Stepwise) -> None:
    assert await creation.begin_roll_back() == RollBackBegun(completed=None, held=False)
    with pytest.raises(NotHeldByThisProcess, match="its own roll-back"):
        await creation.step("create_subscription")
    assert await creation.subscription_row() is None


async def test_a_roll_back_after_the_last_step_writes_nothing(creation: Stepwise) -> None:
    completed = await creation.through("resync")
    before = await creation.footprint()

    begun = await creation.begin_roll_back()

    assert begun == RollBackBegun(completed=completed, held=False)
    assert await creation.footprint() == before


async def test_a_roll_back_that_comes_too_late_always_says_so(creation: Stepwise) -> None:
    await creation.through("resync")
    assert await creation.begin_roll_back() == await creation.begin_roll_back()


async def test_a_roll_back_that_is_begun_twice_begins_once(creation: Stepwise) -> None:
    await creation.through("provision_user_group")
    first = await creation.begin_roll_back()
    before = await creation.footprint()

    second = await creation.begin_roll_back()

    assert second == first
    assert await creation.footprint() == before


async def test_a_roll_back_begun_after_its_end_answers_as_before(creation: Stepwise) -> None:
    await creation.through("provision_user_group")
    first = await creation.begin_roll_back()
    for step in BACKWARD:
        await creation.step(step)
    before = await creation.footprint()

    assert await creation.begin_roll_back() == first
    assert await creation.footprint() == before


async def test_two_concurrent_roll_backs_begin_once(creation: Stepwise) -> None:
    await creation.through("provision_user_group")
    token = await fence(creation)

    one, other = await asyncio.gather(creation.begin_roll_back(), creation.begin_roll_back())

    assert one == other
    assert await fence(creation) == token + 1
    assert [event.event for event in await creation.events()] == ["abort requested"]


async def test_a_roll_back_raises_the_fencing_token(creation: Stepwise) -> None:
    await creation.through("provision_user_group")
    token = await fence(creation)

    await creation.begin_roll_back()

    assert await fence(creation) == token + 1


async def test_a_roll_back_that_holds_nothing_raises_no_fencing_token(
    creation: Stepwise, intruder: Stepwise
) -> None:
    await creation.through("provision_user_group")
    token = await fence(creation)

    assert await intruder.begin_roll_back() == RollBackBegun(completed=None, held=False)
    assert await fence(creation) == token


async def test_a_roll_back_of_another_execution_is_refused(creation: Stepwise, namesake: Stepwise) -> None:
    await creation.through("provision_user_group")
    before = await creation.footprint()

    with pytest.raises(ProcessAlreadyExists, match="already exists"):
        await namesake.begin_roll_back()
    assert await creation.footprint() == before


async def test_a_last_step_and_a_roll_back_agree_on_who_was_first(
    creation: Stepwise,
) -> None:
    """Both run at the same moment: either the process completes, or it rolls back."""
    await creation.before("resync")

    last, begun = await asyncio.gather(
        creation.step("resync"), creation.begin_roll_back(), return_exceptions=True
    )

    too_late = RollBackBegun(completed=last, held=False) if not isinstance(last, BaseException) else None
    assert isinstance(last, NotHeldByThisProcess) or begun == too_late
    assert ("resync" in await creation.committed()) is (too_late is not None)
    assert ("begin_roll_back" in await creation.committed()) is (too_late is None)


async def test_a_rejected_deprovisioning_can_be_repeated(
    creation: Stepwise, groups: FakeGroupManagement
) -> None:
    await creation.before("roll_back: deprovision_user_group")
    before = await creation.effects()
    await groups.system.order(Fault(kind="reject", times=1))

    with pytest.raises(RequestRejected, match="rejects the request"):
        await creation.step("roll_back: deprovision_user_group")
    assert await creation.effects() == before
    await creation.step("roll_back: deprovision_user_group")


async def test_a_frozen_provisioning_makes_no_group_after_a_roll_back(
    creation: Stepwise, groups: FakeGroupManagement
) -> None:
    """The fencing token shuts out a call that arrives late."""
    await creation.through("initialize_subscription")
    frozen = FrozenGroupManagement(groups)
    late = asyncio.ensure_future(
        Stepwise(creation.pool, frozen, creation.process).step("provision_user_group")
    )
    await frozen.frozen.wait()

    await roll_back(creation)
    frozen.woken.set()

    with pytest.raises(StaleToken, match="has seen token 2"):
        await late
    assert await groups.find_group(creation.subscription_id) is None


async def test_a_frozen_provisioning_stores_nothing_in_a_roll_back(
    creation: Stepwise, groups: FakeGroupManagement
) -> None:
    await creation.through("initialize_subscription")
    frozen = FrozenGroupManagement(groups)
    late = asyncio.ensure_future(
        Stepwise(creation.pool, frozen, creation.process).step("provision_user_group")
    )
    await frozen.frozen.wait()

    await creation.begin_roll_back()
    frozen.woken.set()

    with pytest.raises(NotHeldByThisProcess, match="its own roll-back"):
        await late
    assert "provision_user_group" not in await creation.committed()


async def test_a_roll_back_shows_a_parked_process_as_running(
    creation: Stepwise,
) -> None:
    await creation.through("initialize_subscription")
    await creation.record("parked")

    await creation.begin_roll_back()

    row = await creation.trail()
    assert row is not None
    assert (row.status, row.failed_reason) == (ProcessStatus.RUNNING, None)
