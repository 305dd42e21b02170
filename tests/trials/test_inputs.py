"""Input is made up from forms and product blocks alone, so a new product needs none by hand."""

from enum import StrEnum
from random import Random
from typing import Annotated
from uuid import UUID, uuid4

import pytest
from pydantic import Field, JsonValue

from catalogue import CATALOGUE, CatalogueEntry, definition_of, entry_of, form_of
from orchestrator.domain.process import Target
from orchestrator.domain.text import Name, WholeNumber
from orchestrator.process.forms import StartForm
from tests.lifecycles import EVERY, label
from trials.inputs import CannotMakeUp, Fields, Inputs, Known, references

SEEDS = range(50)
THERE = {entry.product_type: [uuid4(), uuid4(), uuid4()] for entry in CATALOGUE}


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Form(StartForm):
    code: Annotated[Name, Field(min_length=4, max_length=6)]
    percent: Annotated[WholeNumber, Field(gt=0, lt=3)] | None = None
    below: Annotated[int, Field(le=-5)] = -5
    colour: Colour = Colour.RED
    shared: bool = False
    customer: UUID | None = None
    postcode: Annotated[str, Field(pattern=r"\d{4}", examples=["1234", "5678"])] = "1234"
    plate: Annotated[str, Field(pattern=r"[A-Z]{3}")] = "ABC"


def entry(product_type: str) -> CatalogueEntry:
    found = entry_of(product_type)
    assert found is not None
    return found


def made(entry: CatalogueEntry, target: Target, seed: int) -> Fields:
    """Return the input of a process; a subscription that is there has the input of a create."""
    inputs = Inputs(Random(seed))
    created = inputs.create(entry, THERE)
    about = Known(THERE[entry.product_type][0], created)
    return created if target is Target.CREATE else inputs.on(entry, target, about, THERE)


def values(name: str) -> set[JsonValue]:
    """Return what is made up for a field of the form above."""
    return {Inputs(Random(seed)).value(Form, name) for seed in SEEDS}


@pytest.mark.parametrize(("entry", "target"), EVERY, ids=label)
def test_the_form_of_every_workflow_accepts_its_input(entry: CatalogueEntry, target: Target) -> None:
    form = form_of(definition_of(entry, target))
    for seed in SEEDS:
        form.model_validate(made(entry, target, seed))


@pytest.mark.parametrize(("entry", "target"), EVERY, ids=label)
def test_the_same_seed_makes_up_the_same_input(entry: CatalogueEntry, target: Target) -> None:
    assert made(entry, target, 7) == made(entry, target, 7)


def test_a_create_takes_every_product_and_every_reference() -> None:
    inputs = [made(entry("User"), Target.CREATE, seed) for seed in SEEDS]
    assert {one["product"] for one in inputs} == {"User internal", "User external"}
    assert {one["group"] for one in inputs} == set(map(str, THERE["UserGroup"]))


def test_an_optional_value_is_left_out_now_and_then() -> None:
    assert {"age" in made(entry("User"), Target.CREATE, seed) for seed in SEEDS} == {False, True}


def test_a_modify_changes_each_value_that_it_names() -> None:
    user = entry("User")
    known = Known(uuid4(), {"username": "alice", "age": 42, "group": str(THERE["UserGroup"][0])})
    changes = [Inputs(Random(seed)).on(user, Target.MODIFY, known, THERE) for seed in SEEDS]
    assert {name for one in changes for name in one} == {"subscription_id", "username", "age", "group"}
    assert not [one for one in changes if one.items() & known.values.items()]
    assert None in {one.get("age", 0) for one in changes}


def test_a_reference_without_an_alternative_stays() -> None:
    user, only = entry("User"), {"UserGroup": [uuid4()]}
    known = Known(uuid4(), {"username": "alice", "group": str(only["UserGroup"][0])})
    changes = [Inputs(Random(seed)).on(user, Target.MODIFY, known, only) for seed in SEEDS]
    assert not [one for one in changes if "group" in one]


def test_a_terminate_names_the_subscription_only() -> None:
    group_id = THERE["UserGroup"][0]
    assert made(entry("UserGroup"), Target.TERMINATE, 7) == {"subscription_id": str(group_id)}


def test_the_references_are_those_of_the_block() -> None:
    assert references(entry("User")) == {"group": "UserGroup"}
    assert references(entry("UserGroup")) == {}


def test_a_whole_number_keeps_its_bounds() -> None:
    assert values("percent") == {1, 2}
    assert max(int(str(one)) for one in values("below")) <= -5


def test_a_name_keeps_its_length() -> None:
    assert {len(str(one)) for one in values("code")} <= {4, 5, 6}
    assert len(values("code")) > 1


def test_a_choice_is_one_of_those_that_the_field_has() -> None:
    assert values("colour") == {"red", "blue"}
    assert values("shared") == {False, True}


def test_an_id_is_a_uuid() -> None:
    assert {UUID(str(one)).version for one in values("customer")} == {4}


def test_a_field_with_examples_takes_one_of_them() -> None:
    assert values("postcode") == {"1234", "5678"}


def test_a_field_that_needs_examples_is_named() -> None:
    with pytest.raises(CannotMakeUp, match=r"Form\.plate: add `examples`"):
        values("plate")
