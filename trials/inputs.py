"""Input for any workflow of any product, made up from its form and its product block."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from pydantic import JsonValue, ValidationError

from catalogue import CatalogueEntry, definition_of, form_of
from orchestrator.domain.process import Target
from orchestrator.process.forms import ExistingForm, ModifyForm, StartForm

Fields = dict[str, JsonValue]
There = Mapping[str, Sequence[UUID]]
"""The active subscriptions that an input may refer to, by product type."""
Schema = dict[str, Any]
"""A JSON schema, as pydantic writes it."""

LEFT_OUT = 0.2
"""Share of the optional values that a create leaves out, and that a modify clears."""
MOVED = 0.3
"""Share of the modifies that change a reference."""
ATTEMPTS = 20
"""How often to draw a value until it differs from the present one; some fields take one value only."""
RANGE = 1000
"""Width of the range from which a whole number without a maximum is drawn."""


class CannotMakeUp(Exception):
    """No valid value can be made up for a field; the message says what to add to the field."""


@dataclass(frozen=True)
class Known:
    """An active subscription, as its last process left it."""

    subscription_id: UUID
    values: Fields
    """The values that the client asked for, as JSON, without fixed inputs."""


def references(entry: CatalogueEntry) -> dict[str, str]:
    """Return the product types that a subscription refers to, by field of its block."""
    fields = entry.subscription.block_class().references()
    return {name: reference.product_type for name, reference in fields.items()}


class Inputs:
    """Makes up input; the same random numbers make up the same input."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def create(self, entry: CatalogueEntry, there: There) -> Fields:
        """Return the input of a process that creates a subscription.

        Args:
            there: holds at least one subscription of each product type in `references(entry)`.

        Raises:
            CannotMakeUp: when a field takes no value that can be made up.
        """
        form = form_of(definition_of(entry, Target.CREATE))
        fields: Fields = {}
        if "product" in form.model_fields:
            names = sorted(product.name for product in entry.subscription.products.values())
            fields["product"] = self._random.choice(names)
        for name in _asked(form):
            if form.model_fields[name].is_required() or self._random.random() >= LEFT_OUT:
                fields[name] = self._value(entry, form, name, there)
        return _checked(form, fields)

    def on(self, entry: CatalogueEntry, target: Target, about: Known, there: There) -> Fields:
        """Return the input of a process on an existing subscription.

        A modify changes at least one value. Each new value differs from the present one, unless the field
        takes only one.

        Raises:
            CannotMakeUp: when a field takes no value that can be made up.
        """
        form = form_of(definition_of(entry, target))
        fields: Fields = {"subscription_id": str(about.subscription_id)}
        if issubclass(form, ModifyForm):
            names = self._changing(entry, form, about, there)
        else:
            names = [name for name in _asked(form) if form.model_fields[name].is_required()]
        for name in names:
            fields[name] = self._other(entry, form, name, about.values.get(name), there)
        return _checked(form, fields)

    def value(self, form: type[StartForm], name: str) -> JsonValue:
        """Return a value for a field, as JSON; one of its `examples` if it has any.

        Raises:
            CannotMakeUp: when the schema of the field does not say which values it takes.
        """
        schema = _schema(form, name)
        if choices := schema.get("examples") or schema.get("enum"):
            chosen: JsonValue = self._random.choice(choices)
            return chosen
        match schema:
            case {"type": "boolean"}:
                return self._random.choice([False, True])
            case {"type": "integer"} if "multipleOf" not in schema:
                return self._random.randint(*_bounds(schema))
            case {"type": "string", "format": "uuid"}:
                return str(UUID(int=self._random.getrandbits(128), version=4))
            case {"type": "string"} if not {"format", "pattern"} & schema.keys():
                return self._name(schema)
        raise CannotMakeUp(f"Cannot make up a value for {form.__name__}.{name}: add `examples` to the field")

    def _changing(
        self, entry: CatalogueEntry, form: type[StartForm], about: Known, there: There
    ) -> list[str]:
        """Return the fields to change: some of the values, and sometimes the references."""
        asked, referred = _asked(form), references(entry)
        values = [name for name in asked if name not in referred]
        moved = [
            name
            for name in asked
            if name in referred and set(map(str, there.get(referred[name], ()))) - {about.values.get(name)}
        ]
        if not values:
            return moved or asked
        chosen = self._random.sample(values, self._random.randint(1, len(values)))
        return chosen + (moved if self._random.random() < MOVED else [])

    def _other(
        self, entry: CatalogueEntry, form: type[StartForm], name: str, present: JsonValue, there: There
    ) -> JsonValue:
        clearable = issubclass(form, ModifyForm) and name in form.clearable
        if clearable and present is not None and self._random.random() < LEFT_OUT:
            return None
        value = present
        for _ in range(ATTEMPTS):
            value = self._value(entry, form, name, there)
            if value != present:
                break
        return value

    def _value(self, entry: CatalogueEntry, form: type[StartForm], name: str, there: There) -> JsonValue:
        product_type = references(entry).get(name)
        if product_type is not None:
            return str(self._random.choice(there[product_type]))
        return self.value(form, name)

    def _name(self, schema: Schema) -> str:
        name = f"{schema['title']} {self._random.randrange(10**6):06}"
        return name[-schema.get("maxLength", len(name)) :].strip().ljust(schema.get("minLength", 0), "x")


def _asked(form: type[StartForm]) -> list[str]:
    """Return the fields of a form that set a value of the block."""
    unchangeable = form.unchangeable if issubclass(form, ExistingForm) else frozenset()
    return [name for name in form.model_fields if name not in form.not_values | unchangeable]


def _schema(form: type[StartForm], name: str) -> Schema:
    """Return the JSON schema of a field; if it allows several types, that of the first one."""
    document = form.model_json_schema()
    schema: Schema = document["properties"][name]
    schema = schema | schema.get("anyOf", [{}])[0]
    if "$ref" in schema:
        schema |= document["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _bounds(schema: Schema) -> tuple[int, int]:
    # pydantic writes `ge`, `le`, ... for a type that validates before the constraint, as `WholeNumber` does.
    least = [schema[key] for key in ("minimum", "ge") if key in schema]
    least += [schema[key] + 1 for key in ("exclusiveMinimum", "gt") if key in schema]
    most = [schema[key] for key in ("maximum", "le") if key in schema]
    most += [schema[key] - 1 for key in ("exclusiveMaximum", "lt") if key in schema]
    lowest = max(least, default=min(0, *most, 0))
    return lowest, min(most, default=lowest + RANGE)


def _checked(form: type[StartForm], fields: Fields) -> Fields:
    try:
        form.model_validate(fields)
    except ValidationError as error:
        name = ".".join(map(str, error.errors()[0]["loc"])) or "a field"
        raise CannotMakeUp(
            f"{form.__name__} refuses the value that was made up for {name} ({error.errors()[0]['msg']}): "
            "add `examples` to the field"
        ) from error
    return fields
