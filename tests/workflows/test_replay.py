"""Recorded histories replay against the present code: open processes survive a deployment."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from catalogue import registered_workflows, workflow_type
from temporal.plugin import subscriptions_plugin
from tests.recorded import HISTORIES

PATHS = sorted(HISTORIES.glob("*.json"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
async def test_a_recorded_process_replays(path: Path) -> None:
    replayer = Replayer(workflows=registered_workflows(), plugins=[subscriptions_plugin()])
    await replayer.replay_workflow(recorded(path))


def test_there_is_a_recorded_process_for_every_workflow() -> None:
    recorded = {path.stem.split(".")[0] for path in PATHS}
    assert recorded == {workflow_type(definition) for definition in registered_workflows()}


def recorded(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())
