"""The workload of the chaos run follows from the catalogue; the same seed draws the same processes."""

from collections import Counter
from random import Random
from uuid import UUID

import pytest

from catalogue import CATALOGUE, CatalogueEntry, entry_of, workflow_type, workflows
from orchestrator.domain.process import Target
from tests.lifecycles import label
from trials.inputs import Fields, references
from trials.workload import SHARES, Start, Workload, simplest_create


def drawn(number: int, seed: int = 7) -> list[Start]:
    """Draw this number of processes, each of which completes at once."""
    workload = Workload(Random(seed))
    starts = []
    for position in range(number):
        starts.append(workload.draw())
        workload.completed(starts[-1], f"process-{position}")
    return starts


def group() -> CatalogueEntry:
    found = entry_of("UserGroup")
    assert found is not None
    return found


def test_every_workflow_of_every_product_is_drawn() -> None:
    assert {start.workflow for start in drawn(400)} == {workflow_type(one) for one in workflows()}


def test_each_target_has_its_share() -> None:
    counts = Counter(start.target for start in drawn(2000))
    for target, share in SHARES.items():
        assert counts[target] / 20 == pytest.approx(share, abs=4)


def test_the_same_seed_draws_the_same() -> None:
    assert drawn(100) == drawn(100)
    assert drawn(100) != drawn(100, seed=8)


@pytest.mark.parametrize("entry", CATALOGUE, ids=label)
def test_what_a_product_refers_to_is_created_first(entry: CatalogueEntry) -> None:
    workload = Workload(Random(7), [entry])
    made: set[str] = set()
    while entry.product_type not in made:
        start = workload.draw()
        workload.completed(start, f"process-{len(made)}")
        made.add(start.entry.product_type)
        assert start.target is Target.CREATE
    assert made == {entry.product_type, *references(entry).values()}


def test_a_process_runs_on_what_is_active() -> None:
    active: set[UUID] = set()
    for number, start in enumerate(drawn(300)):
        subscription_id = start.form.subscription(f"process-{number}")
        assert (subscription_id in active) is (start.target is not Target.CREATE)
        if start.target is Target.TERMINATE:
            active.remove(subscription_id)
        else:
            active.add(subscription_id)


def test_a_modify_that_completes_too_late_revives_nothing() -> None:
    workload = Workload(Random(7))
    create = Start(group(), Target.CREATE, {"group_name": "Old"})
    about: Fields = {"subscription_id": str(create.form.subscription("created"))}
    workload.completed(create, "created")
    workload.completed(Start(group(), Target.TERMINATE, about), "terminated")
    workload.completed(Start(group(), Target.MODIFY, {**about, "group_name": "New"}), "modified")
    assert workload.validations() == []


def test_everything_active_is_validated() -> None:
    workload = Workload(Random(7))
    for number in range(3):
        create = Start(group(), Target.CREATE, {"group_name": "There"})
        workload.completed(create, f"process-{number}")
    assert len({start.fields["subscription_id"] for start in workload.validations()}) == 3


def test_the_simplest_create_refers_to_nothing() -> None:
    create = simplest_create(Random(0))
    assert create.target is Target.CREATE
    assert references(create.entry) == {}
    assert create == simplest_create(Random(0))
