"""The histories that `test_replay.py` replays: which ones must exist, their files, and how to write one.

`make record` runs the files `tests/record_*.py`, which record the missing ones. A history is never recorded
again: older code recorded it, and processes that older code began may be open during a rolling upgrade.
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
"""Parked: it is still open. Continued: its history was too long when it parked, so it continued as new."""

GOES_BACK = ("aborted", "continued_aborted", "given_up")
"""Continued, aborted: a run that goes on with the roll-back of the run before."""

KINDS: dict[Target, tuple[str, ...]] = {
    Target.CREATE: ("done", "outage", "database_outage", *PARKS, *GOES_BACK),
    Target.MODIFY: ("done", "outage", "database_outage", *PARKS, *GOES_BACK, "refused"),
    Target.TERMINATE: ("done", "outage", "database_outage", *PARKS, "aborted", "forward", "refused"),
    Target.VALIDATE: ("done", "outage", "database_outage", "aborted", "discrepancy", "refused"),
}
"""The kinds to record of every workflow, by target.

A validation never parks: it only reads, and external systems do not reject that. `given_up` needs a
roll-back that calls the external system; that of a terminate calls none. `forward` is a terminate that was
aborted after its point of no return.
"""


def kinds(entry: CatalogueEntry, target: Target) -> tuple[str, ...]:
    """Return the kinds to record of a workflow; the gate refuses a create only because of a reference."""
    refusable = target is Target.CREATE and bool(references(entry))
    return (*KINDS[target], "refused") if refusable else KINDS[target]


def history(name: str) -> Path:
    """Return the file of a history: `{workflow}.{kind}`, with a suffix if there are several of a kind."""
    return HISTORIES / f"{name}.json"


async def replay(name: str) -> None:
    """Replay the history with this name with the present code.

    Raises:
        workflow.NondeterminismError: when the code decides something else than the history.
    """
    # Only one workflow, because the replayer prepares the sandbox of each that it gets.
    wanted, _, _ = name.partition(".")
    workflow = next(one for one in registered_workflows() if workflow_type(one) == wanted)
    replayer = Replayer(workflows=[workflow], plugins=[subscriptions_plugin()])
    await replayer.replay_workflow(recorded(name))


def recorded(name: str) -> WorkflowHistory:
    """Return the history with this name."""
    return WorkflowHistory.from_json(name, history(name).read_text())


async def save(handle: Handle, name: str) -> None:
    """Write the history to its file, unless that exists; leave out names of the recording machine."""
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
