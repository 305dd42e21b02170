"""Any update of a parked or scheduled process is stored as given, or rejected in one line."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from orchestrator.domain.input_errors import shown
from orchestrator.operations.start_later import MoveForm
from orchestrator.process.forms import OperatorNote, RetryNote
from services.fake_system import Fault
from tests.fuzz import nasty
from tests.fuzz.stage import RECORDS, Stage, changed, require_no_failed_task, require_readable
from tests.fuzz.tally import Batch, Tally, batches, share
from tests.processes import Handle


@dataclass
class Sent:
    """An update, and the process that it is sent to."""

    update: str
    rolling_back: bool
    payloads: Sequence[Payload]


@st.composite
def updates(draw: st.DrawFn) -> Sent:
    update = draw(
        nasty.mostly(st.sampled_from(["retry", "retry", "adopt", "give_up"]), nasty.ANY_TEXT, one_in=12)
    )
    note = RetryNote if update == "retry" else OperatorNote
    return Sent(update, draw(st.booleans()), draw(nasty.payloads(note)))


class Parked:
    """A process that is parked forward, and one that is parked in its roll-back."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.handles: dict[bool, Handle] = {}

    async def set(self) -> None:
        """Start and park both, if they are not."""
        for rolling_back in {False, True} - self.handles.keys():
            handle = await self.stage.processes.create_user_group()
            self.handles[rolling_back] = handle
            await self.stage.processes.until_parked(handle)
            if rolling_back:
                await handle.cancel()
                await self.stage.processes.until_parked(handle, times=2)

    async def times(self, handle: Handle) -> int:
        events = await self.stage.processes.events(handle)
        return [one.event for one in events].count("parked")

    async def send(self, one: Sent) -> bool:
        """Send the update, wait until the process parks again, and return whether it was accepted."""
        handle = self.stage.processes.latest(self.handles[one.rolling_back])
        times = await self.times(handle)
        try:
            async with asyncio.timeout(30):
                await handle.execute_update(one.update, args=[RawValue(payload) for payload in one.payloads])
        except WorkflowUpdateFailedError as error:
            if one.update in {"retry", "adopt", "give_up"}:
                require_readable(error.cause)
            return False
        except (RPCError, UnicodeEncodeError):  # Temporal or the protocol does not accept it
            return False
        if one.update == "retry":
            await self.stage.processes.until_parked(handle, times=times + 1)
        else:
            await self.stage.processes.until_closed(self.handles.pop(one.rolling_back))
        await self.require_kept(one, handle)
        return True

    async def require_kept(self, one: Sent, handle: Handle) -> None:
        """Assert that the trail stores who acted and why, as given."""
        fields = json.loads(one.payloads[0].data) if one.payloads else {}
        event = {"retry": "retried", "adopt": "adopted", "give_up": "given up"}[one.update]
        kept = [found for found in await self.stage.processes.events(handle) if found.event == event][-1]
        given_by, given_reason = fields.get("by"), fields.get("reason")
        assert kept.by == (given_by and given_by.strip())
        reason = given_reason and given_reason.strip()
        if corrected := fields.get("values"):
            assert kept.reason is not None
            told = f"corrected: group_name = {shown(corrected['group_name'].strip())}"
            assert kept.reason == "; ".join(part for part in (reason, told) if part)
        else:
            assert kept.reason == reason


def without_fences(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Return the changed records, without those that have got only a token: a higher one, or their first."""
    token = re.compile(r"\d+(?=,[tf]\)$)")
    only_a_token = re.compile(r"\([0-9a-f-]{36},\d+,,\d+,f\)")

    def is_fenced(name: str, row: str) -> bool:
        if name in before:
            return token.sub("", row) == token.sub("", before[name])
        return only_a_token.fullmatch(row) is not None

    return {name: row for name, row in now.items() if not is_fenced(name, row)}


async def test_every_update(stage: Stage, tally: Callable[[str], Tally]) -> None:
    counts, parked = tally("updates"), Parked(stage)
    for system in stage.systems:
        await system.order(Fault(kind="reject"))

    @settings(
        max_examples=share(19),
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(batches(updates()))
    def check(drawn: Batch[Sent]) -> None:
        for one in drawn.inputs:
            stage.run(parked.set())
            before = stage.run(stage.written())
            try:
                taken = stage.run(parked.send(one))
            except Exception as error:
                shown = [(dict(payload.metadata), payload.data[:500]) for payload in one.payloads]
                raise AssertionError(f"{one.update!a} {one.rolling_back} {shown}") from error
            now = changed(before, stage.run(stage.written()))
            if one.update == "adopt":  # it tells the system its token before it asks what it has
                now |= {table: without_fences(before[table], now[table]) for table in RECORDS}
            assert taken or not any(now.values())
            counts.add("accepted" if taken else "refused")

    await asyncio.to_thread(check)
    for handle in parked.handles.values():
        await require_no_failed_task(stage, handle.id)
        await handle.terminate("the test is over")


async def move(handle: Handle, payloads: Sequence[Payload]) -> bool:
    """Send the update `move`; return whether it was accepted."""
    before = await (await handle.describe()).memo()
    try:
        async with asyncio.timeout(30):
            await handle.execute_update("move", args=[RawValue(payload) for payload in payloads])
    except WorkflowUpdateFailedError as error:
        require_readable(error.cause)
    except (RPCError, UnicodeEncodeError):  # Temporal or the protocol does not accept it
        pass
    else:
        moved = (await (await handle.describe()).memo())["scheduled"]
        wanted = MoveForm.model_validate_json(payloads[0].data).at
        assert datetime.fromisoformat(moved["at"]) == wanted
        return True
    assert await (await handle.describe()).memo() == before
    return False


async def test_every_move(stage: Stage, temporal: WorkflowEnvironment, tally: Callable[[str], Tally]) -> None:
    counts = tally("moves")
    group_id = await stage.processes.active_group()
    with temporal.with_time_skipping_disabled():
        handle = await stage.client.start_workflow(
            "start_later",
            {
                "workflow": "terminate_user_group",
                "input": {"subscription_id": str(group_id)},
                "at": "2030-01-01",
            },
            id=f"later-{group_id}",
            task_queue=stage.processes.task_queue,
        )
    await handle.execute_update("move", MoveForm.model_validate({"at": "2031-01-01"}))  # it has begun

    @settings(
        max_examples=share(19),
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(batches(nasty.payloads(MoveForm)))
    def check(drawn: Batch[Sequence[Payload]]) -> None:
        for payloads in drawn.inputs:
            try:
                accepted = stage.run(move(handle, payloads))
            except Exception as error:
                shown = [(dict(payload.metadata), payload.data[:500]) for payload in payloads]
                raise AssertionError(f"{shown}") from error
            counts.add("accepted" if accepted else "refused")

    await asyncio.to_thread(check)
    await require_no_failed_task(stage, handle.id)
    await stage.end_scheduled()
