"""Recorded histories replay with the current code, so open processes survive a deployment."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.workflow import NondeterminismError

from activities.subscriptions import SubscriptionActivities
from catalogue import CatalogueEntry, definition_of, registered_workflows, workflow_type
from orchestrator.domain.process import Target
from orchestrator.process import step
from orchestrator.process.frame import ProcessFrame
from orchestrator.process.step import Step
from tests.lifecycles import EVERY, Lifecycle, label
from tests.recorded import HISTORIES, kinds, replay
from workflows.user_group.create_user_group import CreateUserGroup

NAMES = sorted(path.stem for path in HISTORIES.glob("*.json"))
Steps = tuple[Step, ...]
TakePart = Callable[[str, Steps], None]


@pytest.mark.parametrize("name", NAMES)
async def test_a_recorded_process_replays(name: str) -> None:
    await replay(name)


@pytest.mark.parametrize(("entry", "target"), EVERY, ids=label)
def test_every_workflow_has_a_history_of_every_kind(entry: CatalogueEntry, target: Target) -> None:
    workflow = Lifecycle.type_of(entry, target)
    assert {f"{workflow}.{kind}" for kind in kinds(entry, target)} <= recorded()


def test_the_validation_of_all_has_a_history_of_every_kind() -> None:
    kinds = {"done", "waiting", "database_outage", "continued", "findings", "aborted"}
    assert {f"validate_subscriptions.{kind}" for kind in kinds} <= recorded()


def test_what_operators_start_has_a_history_of_every_kind() -> None:
    assert {"set_in_sync.done", "set_in_sync.refused", "reconcile.done"} <= recorded()
    assert {"clean_up.done", "clean_up.continued", "clean_up.aborted"} <= recorded()


def test_a_bulk_has_a_history_of_every_kind() -> None:
    assert {
        f"apply_rows.{kind}" for kind in ("done", "continued", "goes_on", "aborted", "refused")
    } <= recorded()


def test_what_is_sent_to_a_process_has_a_history() -> None:
    kinds = {"adopted", "corrected", "waiting"}
    assert {f"create_user_group.{kind}" for kind in kinds} <= recorded()


def test_what_starts_later_has_a_history_of_every_kind() -> None:
    kinds = {"done", "moved", "aborted", "id_used", "refused", "unknown", "database_outage"}
    assert {f"start_later.{kind}" for kind in kinds} <= recorded()


def test_every_recorded_workflow_is_registered() -> None:
    workflows = {workflow_type(definition) for definition in registered_workflows()}
    assert {name.split(".")[0] for name in recorded()} == workflows


@pytest.mark.parametrize(("entry", "target"), EVERY, ids=label)
async def test_a_changed_sequence_of_steps_does_not_replay(
    let: TakePart, entry: CatalogueEntry, target: Target
) -> None:
    """A step that is removed, doubled or swapped is found."""
    for changed in every_change(definition_of(entry, target).sequence):
        let("sequence", changed)
        with pytest.raises(NondeterminismError):
            await replay(f"{Lifecycle.type_of(entry, target)}.done")


@pytest.mark.parametrize(("entry", "target"), EVERY, ids=label)
async def test_a_changed_roll_back_does_not_replay(
    let: TakePart, entry: CatalogueEntry, target: Target
) -> None:
    for changed in every_change(definition_of(entry, target).roll_back):
        let("roll_back", changed)
        with pytest.raises(NondeterminismError):
            await replay(f"{Lifecycle.type_of(entry, target)}.aborted")


async def test_a_changed_validation_of_all_does_not_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run_another(activity: object, *arguments: Any, **named: Any) -> Any:
        return await run_local(SubscriptionActivities.resync, *arguments, **named)

    run_local = step.run_local
    monkeypatch.setattr(step, "run_local", run_another)
    with pytest.raises(NondeterminismError):
        await replay("validate_subscriptions.done")


async def test_steps_after_the_parked_one_may_change(let: TakePart) -> None:
    sequence = CreateUserGroup.sequence
    let("sequence", (*sequence[:-1], sequence[1], sequence[-1]))
    await replay("create_user_group.parked")
    with pytest.raises(NondeterminismError):
        await replay("create_user_group.retried")


async def test_a_continued_process_needs_the_title_of_its_step(let: TakePart) -> None:
    renamed = [dataclasses.replace(step, title=f"{step.title} now") for step in CreateUserGroup.sequence]
    let("sequence", tuple(renamed))
    await replay("create_user_group.done")
    with pytest.raises(RuntimeError, match="no step 'Provision user group' to go on with"):
        await replay("create_user_group.continued")


@pytest.fixture
def let(monkeypatch: pytest.MonkeyPatch) -> TakePart:
    """Return a function that changes the sequence or the roll-back of every process."""
    make = ProcessFrame.__init__

    # On the instance: the sandbox runs the file again, which undoes changes of the class.
    def take(part: str, changed: Steps) -> None:
        def make_otherwise(process: ProcessFrame) -> None:
            make(process)
            setattr(process, part, changed)

        monkeypatch.setattr(ProcessFrame, "__init__", make_otherwise)

    return take


def every_change(sequence: Steps) -> list[Steps]:
    """Return the sequence with each step removed, each doubled, and each pair of neighbours swapped."""
    numbers = range(len(sequence))
    without = [sequence[:one] + sequence[one + 1 :] for one in numbers]
    twice = [sequence[: one + 1] + sequence[one:] for one in numbers]
    swapped = [
        (*sequence[:one], sequence[one + 1], sequence[one], *sequence[one + 2 :]) for one in numbers[:-1]
    ]
    return [changed for changed in (*without, *twice, *swapped) if changed]


def recorded() -> set[str]:
    """Return the recorded kinds as `{workflow}.{kind}`; a file name may add more to distinguish two."""
    return {".".join(name.split(".")[:2]) for name in NAMES}
