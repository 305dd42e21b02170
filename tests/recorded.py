"""The histories that `test_replay.py` replays: which must exist, their files, and how to write one.

`make record` runs the files `tests/record_*.py`, which record what is missing. A history is never recorded
anew: the code of its day recorded it, and processes of that day may still be open during a rolling upgrade.
"""

import json
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from catalogue import CatalogueEntry, registered_workflows, workflow_type
from orchestrator.domain.process import Target
from orchestrator.temporal.plugin import subscriptions_plugin
from tests.processes import Handle
from trials.inputs import references

HISTORIES = Path(__file__).parent / "histories"

PARKS = ("parked", "retried", "continued")
"""Parked: it is still open. Continued: its history was long when it parked, so it continued as new."""

KINDS: dict[Target, tuple[str, ...]] = {
    Target.CREATE: ("done", "outage", "database_outage", *PARKS, "aborted", "given_up"),
    Target.MODIFY: ("done", "outage", "database_outage", *PARKS, "aborted", "given_up", "refused"),
    Target.TERMINATE: ("done", "outage", "database_outage", *PARKS, "aborted", "forward", "refused"),
    Target.VALIDATE: ("done", "outage", "database_outage", "aborted", "discrepancy", "refused"),
}
"""What to record of every workflow, by its target.

A validation never parks: it only asks, and an external system rejects no question. Given up is a roll-back
that calls the external system; the roll-back of a terminate calls none. Forward is a terminate that was
aborted too late.
"""


def kinds(entry: CatalogueEntry, target: Target) -> tuple[str, ...]:
    """Return what to record of a workflow; the gate refuses a create only because of a reference."""
    refusable = target is Target.CREATE and bool(references(entry))
    return (*KINDS[target], "refused") if refusable else KINDS[target]


def history(name: str) -> Path:
    """Return the file of a history: `{workflow}.{kind}`, with a suffix if there are several of a kind."""
    return HISTORIES / f"{name}.json"


async def replay(name: str) -> None:
    """Run the present code through the history of this name.

    Raises:
        workflow.NondeterminismError: when the code does something else than the history.
    """
    # Only one workflow: the replayer first tries each that it is given in the sandbox.
    wanted, _, _ = name.partition(".")
    workflow = next(one for one in registered_workflows() if workflow_type(one) == wanted)
    replayer = Replayer(workflows=[workflow], plugins=[subscriptions_plugin()])
    await replayer.replay_workflow(recorded(name))


def recorded(name: str) -> WorkflowHistory:
    """Read the history of this name."""
    return WorkflowHistory.from_json(name, history(name).read_text())


async def save(handle: Handle, name: str) -> None:
    """Write the history, unless it exists, without the names of the machine that recorded it."""
    if not history(name).exists():
        recorded = anonymous((await handle.fetch_history()).to_json_dict())
        history(name).write_text(json.dumps(recorded, separators=(",", ":"), ensure_ascii=False) + "\n")


def anonymous(value: Any) -> Any:
    """Return the value without stack traces and names of workers."""
    if isinstance(value, list):
        return [anonymous(one) for one in value]
    if not isinstance(value, dict):
        return value
    named = {"identity": "worker", "workerInstanceKey": "", "stackTrace": ""}
    return {key: named.get(key, anonymous(one)) for key, one in value.items()}
