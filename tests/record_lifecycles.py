"""Record every workflow of every product, once for each way in which it can end: `make record`."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client

from catalogue import CatalogueEntry
from orchestrator.domain.process import Course, Target
from orchestrator.process.ledger import Moment
from orchestrator.process.messages import StepRun
from services.fake_system import FakeSystem, Fault
from tests.lifecycles import EVERY, Lifecycle, label
from tests.moments import Act, Moments
from tests.processes import Handle, Processes, eventually
from tests.recorded import history, kinds, save
from trials.inputs import Fields, references

WANTED = [(*one, kind) for one in EVERY for kind in kinds(*one)]


class Recorder:
    """Runs a process of one workflow until it can be recorded; has one method for each of `kinds`."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        systems: list[FakeSystem],
        moments: Moments,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.lifecycle = lifecycle
        self.processes = lifecycle.processes
        self.systems = systems
        self.moments = moments
        self.monkeypatch = monkeypatch

    async def done(self) -> Handle:
        handle = await self._start()
        await handle.result()
        return handle

    async def outage(self) -> Handle:
        handle = await self._start(Fault(kind="unreachable", times=3))
        await handle.result()
        return handle

    async def database_outage(self) -> Handle:
        self.moments.acts.append(fail_local_steps)
        return await self.done()

    async def parked(self) -> Handle:
        handle = await self._start(Fault(kind="reject", times=1))
        await self.processes.until_parked(handle)
        return handle

    async def retried(self) -> Handle:
        handle = await self.parked()
        await self.processes.retry(handle, by="bob", reason="name freed")
        await handle.result()
        return handle

    async def continued(self) -> Handle:
        self.monkeypatch.setattr("orchestrator.process.frame.LONGEST_HISTORY", 10)
        first = await self.parked()
        handle = await eventually(lambda: self.processes.next_run(first))
        await self.processes.retry(handle, by="bob", reason="name freed")
        await handle.result()
        return handle

    async def continued_aborted(self) -> Handle:
        self.monkeypatch.setattr("orchestrator.process.frame.LONGEST_HISTORY", 10)
        first = await self._start(Fault(kind="reject", times=2))
        aborted = await eventually(lambda: self.processes.next_run(first))
        await aborted.cancel(reason="carol: wrong name")
        await self.processes.until_parked(first, times=2)
        handle = await eventually(lambda: self.processes.next_run(aborted))
        await self.processes.retry(handle, by="bob", reason="system repaired")
        await self.processes.until_closed(handle)
        return handle

    async def aborted(self) -> Handle:
        if self.lifecycle.target in {Target.CREATE, Target.MODIFY}:
            handle = await self.parked()
            await handle.cancel(reason="carol: wrong name")
        else:  # a validation never parks, and a parked terminate has passed its point of no return
            abort = abort_before_the_call(self.processes.client, self.lifecycle.target)
            self.moments.acts.append(abort)
            handle = await self._start()
        await self.processes.until_closed(handle)
        return handle

    async def forward(self) -> Handle:
        handle = await self.parked()
        await handle.cancel(reason="carol: changed my mind")
        await handle.result()
        return handle

    async def given_up(self) -> Handle:
        handle = await self._start(Fault(kind="reject", times=2))
        await self.processes.until_parked(handle)
        await handle.cancel(reason="carol: wrong name")
        await self.processes.until_parked(handle, times=2)
        await self.processes.give_up(handle, by="dave", reason="removed by hand")
        await self.processes.until_closed(handle)
        return handle

    async def refused(self) -> Handle:
        process_id, _, fields = await self.lifecycle.prepare()
        handle = await self.lifecycle.start(process_id, fields | self._refusable())
        await self.processes.failure(handle)
        return handle

    async def discrepancy(self) -> Handle:
        process_id, subscription_id, fields = await self.lifecycle.prepare()
        for system in self.systems:
            await system.tamper(subscription_id, None)
        handle = await self.lifecycle.start(process_id, fields)
        await self.processes.failure(handle)
        return handle

    def _refusable(self) -> Fields:
        """Return values that the gate refuses: a stale version, or references to nothing."""
        if self.lifecycle.target is not Target.CREATE:
            return {"version": 7}
        return {name: str(uuid4()) for name in references(self.lifecycle.entry)}

    async def _start(self, *faults: Fault) -> Handle:
        process_id, _, fields = await self.lifecycle.prepare()
        for fault in faults:
            for system in self.systems:
                await system.order(fault)
        return await self.lifecycle.start(process_id, fields)


@pytest.mark.parametrize(
    ("entry", "target", "kind"),
    [one for one in WANTED if not history(f"{Lifecycle.type_of(*one[:2])}.{one[2]}").exists()],
    ids=label,
)
async def test_record(
    worker: None,
    processes: Processes,
    systems: list[FakeSystem],
    moments: Moments,
    monkeypatch: pytest.MonkeyPatch,
    entry: CatalogueEntry,
    target: Target,
    kind: str,
) -> None:
    lifecycle = Lifecycle(processes, entry, target)
    recorder = Recorder(lifecycle, systems, moments, monkeypatch)
    record: Callable[[], Awaitable[Handle]] = getattr(recorder, kind)
    await save(await record(), f"{lifecycle.workflow}.{kind}")


async def fail_local_steps(run: StepRun, moment: Moment) -> None:
    """Fail each local activity as if PostgreSQL were away; the regular activity that follows succeeds."""
    if activity.info().is_local:
        raise ConnectionRefusedError("PostgreSQL is away")


def abort_before_the_call(client: Client, target: Target) -> Act:
    """Return an act that aborts processes with this target before they call an external system."""

    async def abort(run: StepRun, moment: Moment) -> None:
        forward = run.process.target is target and run.course is Course.FORWARD
        if forward and not activity.info().is_local and moment == "before the effect":
            await client.get_workflow_handle(run.process.process_id).cancel(reason="carol: not this one")

    return abort
