"""Any input of a workflow is stored as given, or refused in one line without a write."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints
from uuid import UUID, uuid4

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError
from temporalio.common import RawValue
from temporalio.service import RPCError

from catalogue import CATALOGUE, registered_workflows, workflow_type
from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.process import created_subscription_id
from orchestrator.domain.subscription import Status, SubscriptionModel
from orchestrator.domain.text import printable
from orchestrator.process.endings import REFUSALS
from tests.fuzz import nasty
from tests.fuzz.stage import RECORDS, Rows, Stage, changed, require_no_failed_task, require_readable
from tests.fuzz.tally import Batch, Tally, batches, share
from tests.starting import run_here

FORMS: dict[str, type[BaseModel]] = {
    workflow_type(one): get_type_hints(one.run)["form"]  # type: ignore[attr-defined]  # every workflow has it
    for one in registered_workflows()
}

PROCESSES = {
    workflow_type(one): SubscriptionModel.stage(entry.product_type, Status.ACTIVE).block_name
    for entry in CATALOGUE
    for one in entry.workflows
}
"""The workflows on one subscription, each with the name of the product block."""


@dataclass
class Sent:
    """An input and its result."""

    workflow: str
    payloads: Sequence[Payload]
    process_id: str
    result: Any = None
    refusal: str | None = None
    """The type of the error; `None` if the input was accepted."""

    def __repr__(self) -> str:
        shown = [(dict(one.metadata), one.data[:1000]) for one in self.payloads]
        return f"{self.workflow} {self.process_id!a} {shown} -> {self.refusal}"

    @property
    def leaves_a_row(self) -> bool:
        # The gate also refuses another value for an unchangeable field.
        by_the_gate = self.refusal in REFUSALS or (self.refusal == InvalidInput.__name__ and self.fits)
        return self.workflow in PROCESSES and (self.refusal is None or by_the_gate)

    @property
    def fits(self) -> bool:
        """Whether it fits its form."""
        try:
            printable(self.process_id)
            FORMS[self.workflow].model_validate_json(self.payloads[0].data)
        except (ValueError, IndexError):
            return False
        return len(self.payloads) == 1 and self.payloads[0].metadata.get("encoding") == b"json/plain"

    @property
    def subscription_id(self) -> str:
        """The subscription of an accepted input."""
        given_id = self.fields.get("subscription_id")
        return str(UUID(given_id) if given_id else created_subscription_id(self.process_id))

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of an accepted input."""
        fields: dict[str, Any] = json.loads(self.payloads[0].data)
        return fields


@st.composite
def inputs(draw: st.DrawFn) -> Sent:
    workflow = draw(st.sampled_from(sorted(FORMS)))
    end_of_id = draw(nasty.mostly(st.just(""), nasty.ANY_TEXT, one_in=12))
    return Sent(workflow, draw(nasty.payloads(FORMS[workflow])), end_of_id)


async def test_every_form(stage: Stage, tally: Callable[[str], Tally]) -> None:
    counts = tally("forms")

    @settings(
        max_examples=share(30),
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(batches(inputs()))
    def check(drawn: Batch[Sent]) -> None:
        stage.run(stage.set())
        before = stage.run(stage.written())
        sent = [
            Sent(one.workflow, stage.fill_in_payloads(one.payloads), f"{uuid4()}{one.process_id}")
            for one in drawn.inputs
        ]
        stage.run(send_all(stage, sent))
        require_written(changed(before, stage.run(stage.written())), sent)
        for one in sent:
            require_round_trip(stage, one)
            counts.add("accepted" if one.refusal is None else "refused")

    await asyncio.to_thread(check)


async def send_all(stage: Stage, inputs: list[Sent]) -> None:
    await asyncio.gather(*(send(stage, one) for one in inputs))


async def send(stage: Stage, one: Sent) -> None:
    """Start a process as the Web UI does, and wait until it has ended."""
    try:
        handle = await stage.client.start_workflow(
            one.workflow,
            args=[RawValue(payload) for payload in one.payloads],
            id=one.process_id,
            task_queue=stage.processes.task_queue,
        )
    except (RPCError, UnicodeEncodeError) as error:  # Temporal or the protocol does not accept it
        one.refusal = type(error).__name__
        return
    try:
        async with asyncio.timeout(30):
            one.result = await handle.result()
    except WorkflowFailureError as error:
        one.refusal = require_readable(error.cause)
    except TimeoutError:
        await require_no_failed_task(stage, one.process_id)
        raise
    await require_no_failed_task(stage, one.process_id)
    await until_children_have_ended(stage, one.process_id)


async def until_children_have_ended(stage: Stage, process_id: str) -> None:
    """Wait for child validations: a validation of all may end before them."""
    history = await stage.client.get_workflow_handle(process_id).fetch_history()
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
            child = event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id
            await stage.processes.until_closed(stage.client.get_workflow_handle(child))


def require_written(new: Rows, sent: list[Sent]) -> None:
    """Assert that only accepted inputs wrote rows, and that each gate refusal has its trail row."""
    accepted = [one for one in sent if one.refusal is None]
    validates_all = any(one.workflow not in PROCESSES for one in accepted)
    rows = {one.process_id for one in sent if one.leaves_a_row}
    assert rows == set(new["processes"]) or (validates_all and rows < set(new["processes"]))
    subscriptions = {one.subscription_id for one in accepted}
    touched = {name for table in ("subscriptions", *RECORDS) for name in new[table]}
    assert validates_all or touched <= subscriptions
    created = {one.subscription_id for one in accepted if one.workflow.startswith("create_")}
    assert created <= set(new["subscriptions"])
    assert not new["process_events"]


def require_round_trip(stage: Stage, one: Sent) -> None:
    """Assert that accepted values are stored as given, and shown so by the command line."""
    if one.refusal is not None or one.workflow not in PROCESSES:
        return
    shown = run_here(["subscription", one.subscription_id, "--json"])
    assert shown.code == 0, shown
    document = shown.document
    if one.workflow.startswith(("create_", "modify_")):
        block = one.result[PROCESSES[one.workflow]]
        for name, given_value in one.fields.items():
            if name in block:
                require_same(block[name], given_value)
    row = stage.run(stage.processes.row(stage.client.get_workflow_handle(one.process_id)))
    assert row is not None
    assert row.status == "completed"
    require_same(row.created_by, one.fields.get("by"))
    require_same(row.reason, one.fields.get("reason"))
    assert document["version"] >= one.result["version"]
    if document["version"] == one.result["version"] and document["status"] == one.result["status"]:
        name = PROCESSES[one.workflow]
        assert document[name] == one.result[name]


def require_same(kept: Any, given_value: Any) -> None:
    """Assert that a value is stored as given: names trimmed, numbers parsed, references by owner."""
    if isinstance(kept, dict):
        kept = kept["owner_subscription_id"]
    if isinstance(kept, int):
        given_value = int(float(given_value)) if "_" not in str(given_value) else int(given_value)
    if isinstance(given_value, str) and isinstance(kept, str):
        assert kept in {given_value.strip(), str(_as_uuid(given_value))}, (kept, given_value)
        return
    assert kept == given_value, (kept, given_value)


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
