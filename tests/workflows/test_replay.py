"""Recorded histories replay against the present code: open processes survive a deployment."""

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
Steps = tuple[Step[Any, Any], ...]
TakePart = Callable[[str, Steps], None]


@pytest.mark.parametrize("name", NAMES)
async def test_a_recorded_process_replays(name: str) -> None:
    await replay(name)


@pytest.mark.parametrize(("entry", "target"), EVERY, ids=label)
def test_everything_that_can_become_of_a_process_is_recorded_of_every_workflow(
    entry: CatalogueEntry, target: Target
) -> None:
    workflow = Lifecycle.type_of(entry, target)
    assert {f"{workflow}.{kind}" for kind in kinds(entry, target)} <= recorded()


def test_the_validation_of_all_is_recorded_as_well() -> None:
    kinds = {"done", "database_outage", "continued", "aborted"}
    assert {f"validate_subscriptions.{kind}" for kind in kinds} <= recorded()


def test_every_recorded_workflow_is_one_that_a_worker_runs() -> None:
    workflows = {workflow_type(definition) for definition in registered_workflows()}
    assert {name.split(".")[0] for name in recorded()} == workflows


@pytest.mark.parametrize(("entry", "target"), EVERY, ids=label)
async def test_a_step_left_out_taken_twice_or_swapped_is_caught(
    let: TakePart, entry: CatalogueEntry, target: Target
) -> None:
    for changed in every_change(definition_of(entry, target).sequence):
        let("sequence", changed)
        with pytest.raises(NondeterminismError):
            await replay(f"{Lifecycle.type_of(entry, target)}.done")


@pytest.mark.parametrize(("entry", "target"), EVERY, ids=label)
async def test_the_same_in_the_roll_back_is_caught(
    let: TakePart, entry: CatalogueEntry, target: Target
) -> None:
    for changed in every_change(definition_of(entry, target).roll_back):
        let("roll_back", changed)
        with pytest.raises(NondeterminismError):
            await replay(f"{Lifecycle.type_of(entry, target)}.aborted")


async def test_another_activity_in_the_validation_of_all_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run_another(activity: object, *arguments: Any, **named: Any) -> Any:
        return await run_local(SubscriptionActivities.resync, *arguments, **named)

    run_local = step.run_local
    monkeypatch.setattr(step, "run_local", run_another)
    with pytest.raises(NondeterminismError):
        await replay("validate_subscriptions.done")


async def test_a_parked_process_may_be_given_other_steps_after_the_one_it_waits_for(let: TakePart) -> None:
    sequence = CreateUserGroup.sequence
    let("sequence", (*sequence[:-1], sequence[1], sequence[-1]))
    await replay("create_user_group.parked")
    with pytest.raises(NondeterminismError):
        await replay("create_user_group.retried")


async def test_another_title_is_caught_where_a_process_continues_as_new_on_it(let: TakePart) -> None:
    renamed = [dataclasses.replace(step, title=f"{step.title} now") for step in CreateUserGroup.sequence]
    let("sequence", tuple(renamed))
    await replay("create_user_group.done")
    with pytest.raises(RuntimeError, match="no step 'Provision user group' to go on with"):
        await replay("create_user_group.continued")


@pytest.fixture
def let(monkeypatch: pytest.MonkeyPatch) -> TakePart:
    """Let every process have other steps, in one of its parts."""
    make = ProcessFrame.__init__

    # On the instance: the sandbox runs the file of the class anew, and undoes what is done to the class.
    def take(part: str, changed: Steps) -> None:
        def make_otherwise(process: ProcessFrame) -> None:
            make(process)
            setattr(process, part, changed)

        monkeypatch.setattr(ProcessFrame, "__init__", make_otherwise)

    return take


def every_change(sequence: Steps) -> list[Steps]:
    """Return the sequence with each step left out, each taken twice, and each two neighbours swapped."""
    numbers = range(len(sequence))
    without = [sequence[:one] + sequence[one + 1 :] for one in numbers]
    twice = [sequence[: one + 1] + sequence[one:] for one in numbers]
    swapped = [
        (*sequence[:one], sequence[one + 1], sequence[one], *sequence[one + 2 :]) for one in numbers[:-1]
    ]
    return [changed for changed in (*without, *twice, *swapped) if changed]


def recorded() -> set[str]:
    """Return what is recorded, as `{workflow}.{kind}`: a name may say more, to tell two of a kind apart."""
    return {".".join(name.split(".")[:2]) for name in NAMES}
