"""What must hold for the models of every product."""

import inspect
import json
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

import catalogue
from orchestrator.database.connection import Pool
from orchestrator.domain.subscription import Status, SubscriptionModel

OURS = {"activities", "orchestrator", "products", "services", "workflows"}


def models(root: type[BaseModel] = BaseModel) -> Iterator[type[BaseModel]]:
    for model in root.__subclasses__():
        if model.__module__.split(".")[0] in OURS:
            yield model
        yield from models(model)


@pytest.mark.parametrize("model", sorted(set(models()), key=str))
def test_no_field_has_a_default_factory(model: type[BaseModel]) -> None:
    # A default from a clock or a random generator would differ when a workflow replays.
    assert [name for name, field in model.model_fields.items() if field.default_factory] == []


@pytest.mark.parametrize("product_type", sorted(SubscriptionModel.families))
def test_every_product_type_has_a_class_for_every_status(product_type: str) -> None:
    assert SubscriptionModel.families[product_type].keys() == set(Status)


async def test_products_in_code_and_database_are_the_same(pool: Pool) -> None:
    rows = await pool.fetch(
        "SELECT product_id, name, product_type AS type, tag, description, fixed_inputs FROM products"
    )
    in_database = {
        row["product_id"]: dict(row) | {"fixed_inputs": json.loads(row["fixed_inputs"])} for row in rows
    }
    declared = {
        product_id: {
            "product_id": product_id,
            **product.model_dump(),
            "fixed_inputs": stages[Status.INITIAL].fixed_inputs.get(product_id, {}),
        }
        for stages in SubscriptionModel.families.values()
        for product_id, product in stages[Status.INITIAL].products.items()
    }
    assert declared == in_database


@pytest.mark.parametrize("definition", catalogue.workflows())
def test_every_workflow_asks_for_one_described_form(definition: type) -> None:
    form = catalogue.form_of(definition)
    assert list(inspect.signature(definition.run).parameters) == ["self", "form"]  # type: ignore[attr-defined]
    assert all(field.title and field.description for field in form.model_fields.values())
