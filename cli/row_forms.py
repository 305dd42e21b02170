"""The rows of a file as forms: which workflow a row starts, and whether its values fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from uuid import UUID, uuid5

from pydantic_core import to_json

from catalogue import CATALOGUE, CatalogueEntry, form_of, workflow_type
from cli.form_options import fill
from cli.row_files import RawRow
from orchestrator.domain.bulk import BulkRow
from orchestrator.domain.errors import InvalidInput, ProductNotFound
from orchestrator.domain.input_errors import shown
from orchestrator.domain.process import Target
from orchestrator.process.forms import OperatorNote, StartForm
from orchestrator.process.frame import ProcessFrame

ACTIONS = {target.value.lower(): target for target in (Target.CREATE, Target.MODIFY, Target.TERMINATE)}
"""What a row may ask for."""

ACTION, PRODUCT = "action", "product"
REPORTED = ("error_line", "error")
"""Columns of a file of failures: what they say is not read."""

_DIGESTS = UUID("5f0c9d43-2a83-5d5e-9a54-6ad0d6f0a5d1")
_PROCESSES = UUID("0d0d7c1e-8b8f-5b0a-8a55-0f7c3a7c9e02")


@dataclass(frozen=True)
class FormRow:
    """A row whose values fit their form."""

    line: int
    entry: CatalogueEntry
    definition: type[ProcessFrame]
    product: str
    """Name of the product."""
    form: StartForm

    @property
    def target(self) -> Target:
        """What the row does to its subscription."""
        return self.definition.target

    @cached_property
    def digest(self) -> UUID:
        """The same for every row that asks for the same, whoever asks and why."""
        values = self.form.model_dump(mode="json", exclude=set(OperatorNote.model_fields))
        asked = [workflow_type(self.definition), dict(sorted(values.items()))]
        return uuid5(_DIGESTS, to_json(asked).decode())

    def stored(self, bulk_id: UUID, process_id: str | None = None) -> BulkRow:
        """Return the row as the bulk stores it.

        Args:
            process_id: the process that it already has; `None` gives it a new one.
        """
        workflow = workflow_type(self.definition)
        return BulkRow(
            line=self.line,
            workflow=workflow,
            product=self.product,
            input=self.form.model_dump_json(),
            process_id=process_id or f"{workflow}-{uuid5(_PROCESSES, f'{bulk_id} {self.line}')}",
        )


@cache
def columns() -> tuple[str, ...]:
    """Return the names that a column may have."""
    forms = [form_of(one) for entry in CATALOGUE for one in entry.workflows if one.target in ACTIONS.values()]
    fields = (name for form in forms for name in form.model_fields)
    return tuple(dict.fromkeys((ACTION, PRODUCT, *fields, *REPORTED)))


def as_form(raw: RawRow, product: str | None) -> FormRow:
    """Return the row as the form of its workflow.

    Args:
        product: name or UUID of the product, if the row does not say it.

    Raises:
        InvalidInput, ProductNotFound: when the row does not fit; the message says why.
    """
    values = {name: value for name, value in raw.values.items() if name not in REPORTED}
    target = _target(values.pop(ACTION, "create"))
    entry, name = find_product(values.pop(PRODUCT, None) or product)
    definition = entry.workflow(target)
    if definition is None:
        raise InvalidInput(f"The product {name!r} has no workflow for {target.value.lower()}")
    form = form_of(definition)
    if PRODUCT in form.model_fields:
        values[PRODUCT] = name
    return FormRow(raw.line, entry, definition, name, fill(form, values))


def find_product(wanted: object) -> tuple[CatalogueEntry, str]:
    """Return the entry of a product and its name.

    Raises:
        InvalidInput: when no product is given.
        ProductNotFound: when there is none with this name or UUID.
    """
    if wanted is None:
        raise InvalidInput('Which product? Give the column "product", or --product')
    for entry, product_id, name in _products():
        if wanted in (name, str(product_id)):  # it may be a list, which has no hash
            return entry, name
    raise ProductNotFound(shown(str(wanted)), [name for _, _, name in _products()])


@cache
def _products() -> Sequence[tuple[CatalogueEntry, UUID, str]]:
    return [
        (entry, product_id, product.name)
        for entry in CATALOGUE
        for product_id, product in entry.subscription.products.items()
    ]


def _target(action: Any) -> Target:
    target = ACTIONS.get(action.lower()) if isinstance(action, str) else None
    if target is None:
        raise InvalidInput(f"The action must be one of {', '.join(ACTIONS)} (got {shown(repr(action))})")
    return target
