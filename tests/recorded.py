"""The histories that `test_replay.py` replays: which there must be, where they lie, how one is written.

The files `tests/record_*.py` record what is missing: `make record`. What is there is never written over: it
was recorded by the code of its day, as were the processes that are open when a release is rolled out.
"""

import json
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from catalogue import registered_workflows, workflow_type
from orchestrator.domain.process import Target
from orchestrator.temporal.plugin import subscriptions_plugin
from tests.processes import Handle

HISTORIES = Path(__file__).parent / "histories"

PARKS = ("parked", "retried", "continued")
"""Parked: it is open still. Continued: it was long when it parked, and continued as new."""

KINDS: dict[Target, tuple[str, ...]] = {
    Target.CREATE: ("done", "outage", "database_outage", *PARKS, "aborted", "given_up"),
    Target.MODIFY: ("done", "outage", "database_outage", *PARKS, "aborted", "given_up", "refused"),
    Target.TERMINATE: ("done", "outage", "database_outage", *PARKS, "aborted", "forward", "refused"),
    Target.VALIDATE: ("done", "outage", "database_outage", "aborted", "discrepancy", "refused"),
}
"""What there is to record of every workflow, by what its processes do.

A validation never parks: it only asks, and an external system rejects no question. Given up is a roll-back
that calls the external system: that of a terminate does not. Forward is a terminate aborted too late.
A create is refused only where its product refers to another subscription: see `record_others.py`.
"""


def history(name: str) -> Path:
    """Return where the history of this name lies: `{workflow}.{kind}`, and more to tell it from others."""
    return HISTORIES / f"{name}.json"


async def replay(name: str) -> None:
    """Run the present code through the history of this name.

    Raises:
        workflow.NondeterminismError: where it would have done something else.
    """
    # One workflow: a replayer tries every one that it is given in the sandbox first.
    wanted, _, _ = name.partition(".")
    workflow = next(one for one in registered_workflows() if workflow_type(one) == wanted)
    replayer = Replayer(workflows=[workflow], plugins=[subscriptions_plugin()])
    await replayer.replay_workflow(recorded(name))


def recorded(name: str) -> WorkflowHistory:
    """Read the history of this name."""
    return WorkflowHistory.from_json(name, history(name).read_text())


async def save(handle: Handle, name: str) -> None:
    """Write the history where there is none, without what speaks of the machine that it was recorded on."""
    if not history(name).exists():
        recorded = anonymous((await handle.fetch_history()).to_json_dict())
        history(name).write_text(json.dumps(recorded, separators=(",", ":"), ensure_ascii=False) + "\n")


def anonymous(value: Any) -> Any:
    """Return the value without stack traces and with no name of a worker."""
    if isinstance(value, list):
        return [anonymous(one) for one in value]
    if not isinstance(value, dict):
        return value
    named = {"identity": "worker", "workerInstanceKey": "", "stackTrace": ""}
    return {key: named.get(key, anonymous(one)) for key, one in value.items()}
