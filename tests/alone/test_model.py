"""Random sequences of everything that can happen: after each step, the real thing and the model agree.

The model knows groups and users by name: it is written from docs/design.md, not derived from the code.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from orchestrator.domain.process import Target, created_subscription_id
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from services.fake_user_management import FakeUserManagement
from tests.alone.model import Kind, Known, Model, Parked, Values
from tests.alone.reality import Reality
from tests.processes import Processes

T = TypeVar("T")
NAMES = st.sampled_from(["alice", "bob", "été 🎉", "x" * 255, "'; DROP TABLE subscriptions; --"])
AGES = st.none() | st.integers(0, 150)
WHICH = st.integers(0, 1000)
KINDS: st.SearchStrategy[Kind] = st.sampled_from(["group", "user"])
WORKFLOW: dict[Kind, str] = {"group": "user_group", "user": "user"}


class Lifecycles(RuleBasedStateMachine):
    """Does the same to the real thing and to the model, in the order that hypothesis draws."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    reality: ClassVar[Reality]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.before: dict[Kind, int] = {}
        """Number of records that earlier sequences left in each system."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run this in the event loop of the worker and the fixtures."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    @initialize(name=NAMES)
    def begin_with_two_groups_and_a_user(self, name: str) -> None:
        self.before = {kind: self.run(system.count()) for kind, system in self.reality.systems.items()}
        for system in self.reality.systems.values():
            self.run(system.clear_faults())
        for group in ("one", "other"):
            self.create_group(group)
        self.create_user(name, 42, "internal", 0)

    @rule(name=NAMES)
    def create_group(self, name: str) -> None:
        self.create("group", {"group_name": name}, {"group_name": name})

    @rule(name=NAMES, age=AGES, affiliation=st.sampled_from(["internal", "external"]), which=WHICH)
    def create_user(self, name: str, age: int | None, affiliation: str, which: int) -> None:
        group = self.pick_to_join(which)
        values: Values = {"username": name, "age": age, "group": str(group)}
        form = values | {"product": f"User {affiliation}"}
        if (refusal := self.model.refusal_to_join(group)) is not None:
            self.refused("create_user", form, refusal)
            return
        self.create("user", form, values | {"affiliation": affiliation}, group)

    @rule(which=WHICH, name=NAMES, age=AGES)
    def modify(self, which: int, name: str, age: int | None) -> None:
        known = self.pick(which)
        wanted: Values = {"group_name": name} if known.kind == "group" else {"username": name, "age": age}
        self.modify_to(known, wanted)

    @rule(which=WHICH, name=NAMES, age=AGES)
    def modify_what_is_rejected(self, which: int, name: str, age: int | None) -> None:
        kind = self.pick(which).kind
        if kind in self.model.rejecting:
            self.modify(which, name, age)
        else:
            self.reject_everything_or_nothing(kind)
            self.modify(which, name, age)
            self.reject_everything_or_nothing(kind)

    @precondition(lambda self: self.users())
    @rule(which=WHICH, to=WHICH)
    def move(self, which: int, to: int) -> None:
        known = self.users()[which % len(self.users())]
        group = self.pick_to_join(to)
        self.modify_to(known, {"group": str(group)}, group)

    def users(self) -> list[Known]:
        found = self.model.subscriptions.values()
        return [one for one in found if one.kind == "user" and one.status != "terminated"]

    def modify_to(self, known: Known, wanted: Values, group: UUID | None = None) -> None:
        workflow, form = f"modify_{WORKFLOW[known.kind]}", wanted | self.form(known)
        if (refusal := self.model.refusal(known, Target.MODIFY, group)) is not None:
            self.refused(workflow, form, refusal)
            return
        if group is not None:
            known.depends_on.add(group)
        process_id = self.start(workflow, form)
        self.hold_or(known, process_id, Target.MODIFY, wanted)

    @rule(which=WHICH)
    def terminate(self, which: int) -> None:
        known = self.pick(which)
        workflow = f"terminate_{WORKFLOW[known.kind]}"
        if (refusal := self.model.refusal(known, Target.TERMINATE)) is not None:
            self.refused(workflow, self.form(known), refusal)
            return
        self.hold_or(known, self.start(workflow, self.form(known)), Target.TERMINATE, {})

    @rule(which=WHICH)
    def validate(self, which: int) -> None:
        known = self.pick(which)
        workflow = f"validate_{WORKFLOW[known.kind]}"
        if (refusal := self.model.refusal(known, Target.VALIDATE)) is not None:
            self.refused(workflow, self.form(known), refusal)
            return
        process_id = self.start(workflow, self.form(known))
        differs = known.outside != known.values
        known.discrepancy_found_by = process_id if differs else None
        self.ends(process_id, "failed" if differs else "completed", "DiscrepancyFound" if differs else None)

    @precondition(lambda self: self.model.parked)
    @rule(which=WHICH)
    def retry(self, which: int) -> None:
        process = self.model.parked[which % len(self.model.parked)]
        self.run(self.reality.processes.retry(self.reality.handle(process.process_id)))
        self.goes_on(process)

    @precondition(lambda self: any(self.abortable(one) for one in self.model.parked))
    @rule(which=WHICH)
    def abort(self, which: int) -> None:
        abortable = [one for one in self.model.parked if self.abortable(one)]
        process = abortable[which % len(abortable)]
        self.run(self.reality.handle(process.process_id).cancel(reason="carol: changed my mind"))
        process.rolling_back = process.target is not Target.TERMINATE
        process.aborted = True
        self.goes_on(process)

    @precondition(lambda self: any(one.aborted for one in self.model.parked))
    @rule(which=WHICH)
    def give_up(self, which: int) -> None:
        stuck = [one for one in self.model.parked if one.aborted]
        process = stuck[which % len(stuck)]
        self.run(self.reality.processes.give_up(self.reality.handle(process.process_id)))
        self.ends(process.process_id, "failed", "GivenUp")
        self.set_in_sync(process)

    @precondition(lambda self: self.model.parked)
    @rule(which=WHICH)
    def lose(self, which: int) -> None:
        process = self.model.parked[which % len(self.model.parked)]
        self.run(self.reality.handle(process.process_id).terminate("by mistake"))
        self.run(self.reality.until_lost(process.process_id))
        self.ends(process.process_id, "lost", None)
        self.set_in_sync(process)

    @rule(kind=KINDS)
    def reject_everything_or_nothing(self, kind: Kind) -> None:
        self.run(self.reality.systems[kind].clear_faults())
        self.model.rejecting ^= {kind}
        if kind in self.model.rejecting:
            self.run(self.reality.systems[kind].order(Fault(kind="reject")))

    @rule(kind=KINDS, fault=st.sampled_from(["unreachable", "answer lost"]), times=st.integers(1, 3))
    def fail_for_a_while(self, kind: Kind, fault: Any, times: int) -> None:
        self.run(self.reality.systems[kind].order(Fault(kind=fault, times=times)))

    @rule(which=WHICH, name=NAMES)
    def tamper_and_validate(self, which: int, name: str) -> None:
        self.tamper(which, name)
        self.validate(which)

    @rule(which=WHICH, name=NAMES)
    def tamper(self, which: int, name: str) -> None:
        known = self.pick(which)
        if known.outside is None:
            return
        known.outside["group_name" if known.kind == "group" else "username"] = name
        attributes: Any = self.run(self.reality.as_outside(known, known.outside))
        self.run(self.reality.systems[known.kind].tamper(known.subscription_id, attributes))

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        self.run(self.reality.compare(self.model, self.before))

    def pick(self, which: int) -> Known:
        """Return a subscription that is not terminated; one time in ten, any."""
        known = list(self.model.subscriptions.values())
        living = [one for one in known if one.status != "terminated"]
        chosen = living if living and which % 10 else known
        return chosen[which // 10 % len(chosen)]

    def pick_to_join(self, which: int) -> UUID:
        """Return an active group to join; one time in ten, any subscription."""
        known = list(self.model.subscriptions.values())
        groups = [one for one in known if one.kind == "group" and one.status == "active"]
        chosen = groups if groups and which % 10 else known
        return chosen[which // 10 % len(chosen)].subscription_id

    def form(self, known: Known) -> Values:
        return {"subscription_id": str(known.subscription_id)}

    def abortable(self, process: Parked) -> bool:
        return not process.aborted

    def start(self, workflow: str, form: Values) -> str:
        process_id = f"{workflow}-{uuid4()}"
        note(f"{process_id} {form}")
        client = self.reality.processes.client
        self.run(
            client.start_workflow(workflow, form, id=process_id, task_queue=self.reality.processes.task_queue)
        )
        return process_id

    def refused(self, workflow: str, form: Values, refusal: str) -> None:
        self.ends(self.start(workflow, form), "refused", refusal)

    def create(self, kind: Kind, form: Values, values: Values, group: UUID | None = None) -> None:
        process_id = self.start(f"create_{WORKFLOW[kind]}", form)
        known = Known(created_subscription_id(process_id), kind, values, "")
        known.depends_on = set() if group is None else {group}
        known.description = self.model.describe(known)
        self.model.subscriptions[known.subscription_id] = known
        self.hold_or(known, process_id, Target.CREATE, {})

    def hold_or(self, known: Known, process_id: str, target: Target, wanted: Values) -> None:
        """Follow a process that the gate has let start."""
        process = Parked(process_id, target, known, wanted, dict(known.values), known.description, times=0)
        self.model.parked.append(process)
        self.goes_on(process)

    def goes_on(self, process: Parked) -> None:
        """Follow a process that has begun, or begun again: it parks if its system rejects the request."""
        known = process.subscription
        if known.kind in self.model.rejecting:
            known.held_by = process.process_id
            process.times += 1
            found = self.run(self.reality.until_settled(process.process_id, process.times))
            assert found == ("parked", None), (process.process_id, found)
            return
        match process.target, process.rolling_back:
            case Target.CREATE, False:
                self.model.provision(known)
            case Target.MODIFY, False:
                self.model.change(known, process.wanted)
            case Target.MODIFY, True:
                self.model.restore(process)
            case _:
                self.model.remove(known, aborted=process.rolling_back)
        self.model.parked.remove(process)
        self.ends(process.process_id, "aborted" if process.rolling_back else "completed", None)

    def set_in_sync(self, process: Parked) -> None:
        known = process.subscription
        self.run(self.reality.set_in_sync(known))
        known.held_by = known.discrepancy_found_by = None
        self.model.forget_other_groups(known)
        self.model.parked.remove(process)

    def ends(self, process_id: str, status: str, error: str | None) -> None:
        """Tell the model how a process ends, and check that it does."""
        self.model.ended[process_id] = status
        found = self.run(self.reality.until_settled(process_id, times=1000))
        assert found == (status, error), (process_id, found)


@pytest.mark.exhaustive
async def test_whatever_happens_everything_is_as_the_model_says(
    worker: None, processes: Processes, groups: FakeGroupManagement, users: FakeUserManagement
) -> None:
    Lifecycles.loop = asyncio.get_running_loop()
    Lifecycles.reality = Reality(processes, {"group": groups.system, "user": users.system})
    chosen = settings(
        settings(),
        stateful_step_count=15,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking would take hours
        print_blob=True,
    )
    await asyncio.to_thread(run_state_machine_as_test, Lifecycles, settings=chosen)
