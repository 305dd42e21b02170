"""A new product, and what the templates say of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from scaffold.fields import ProductField, parse_field, require_fields_fit
from scaffold.names import article, camel, require_product_name, require_system_name, words

SAMPLE = "64f731c2-30f5-5d90-b7b0-8f61a6fa6cce"
"""A subscription in an example."""


@dataclass(frozen=True)
class NewProduct:
    """What was asked for."""

    name: str
    fields: tuple[ProductField, ...]
    system: str
    product_id: UUID

    @classmethod
    def parse(cls, name: str, fields: Sequence[str], system: str | None = None) -> "NewProduct":
        """Return the product that was typed.

        Args:
            system: the name of its external system; `None` names it for the product.

        Raises:
            CannotWrite: if a name, a type or a combination is not possible.
        """
        require_product_name(name)
        system = system or f"{name}_management"
        require_system_name(system)
        parsed = tuple(parse_field(field, name) for field in fields)
        require_fields_fit(name, parsed)
        return cls(name, parsed, system, uuid4())

    @property
    def type(self) -> str:
        """The product type."""
        return camel(self.name)

    @property
    def title(self) -> str:
        """The name of the product."""
        return words(self.name).title()

    @property
    def command(self) -> str:
        """Its name on the command line."""
        return self.name.replace("_", "-")

    @property
    def values(self) -> tuple[ProductField, ...]:
        """The fields that are no references: a modify can change them."""
        return tuple(field for field in self.fields if field.refers is None)

    @property
    def references(self) -> tuple[ProductField, ...]:
        """The fields that refer to other subscriptions."""
        return tuple(field for field in self.fields if field.refers is not None)

    @property
    def mandatory(self) -> tuple[ProductField, ...]:
        """The values that a subscription has from `provisioning` on."""
        return tuple(field for field in self.values if not field.optional)

    def substitutions(self) -> Mapping[str, str]:
        """Return what the templates call by name."""
        system = words(self.system).removesuffix(" system") + " system"
        described = next(field for field in self.mandatory if field.annotation == "Name")
        return {
            "name": self.name,
            "Name": self.type,
            "NAME": self.name.upper(),
            "Product": self.title,
            "words": words(self.name),
            "Words": words(self.name).capitalize(),
            "a": article(words(self.name)),
            "A": article(words(self.name)).capitalize(),
            "product_id": str(self.product_id),
            "system": self.system,
            "System": camel(self.system),
            "system_words": system,
            "described": described.name,
            **self._in_products(),
            **self._in_services(),
            **self._in_workflows(),
            **self._in_tests(),
        }

    def _in_products(self) -> dict[str, str]:
        referred = {field.refers for field in self.references if field.refers}
        stated = [f"{field.name}: {field.annotation}" for field in (*self.mandatory, *self.references)]
        return {
            "block_imports": "\n".join(
                f"from {one.module} import {one.block}, {one.inactive_block}"
                for one in sorted(referred, key=lambda one: one.module)
            ),
            "block_types": "\n\n".join(field.declared for field in self.fields if field.declared),
            "inactive_fields": "\n".join(
                [f"{field.name}: {field.annotation} | None = None" for field in self.values]
                + [f"{field.name}: {field.annotation}Inactive" for field in self.references]
            ),
            "provisioning_fields": "\n".join(stated),
            "default": "" if self.references else f" = {self.type}BlockInactive()",
        }

    def _in_services(self) -> dict[str, str]:
        sent = [f"{field.name}: {field.sent}{' | None' * field.optional}" for field in self.values]
        values = [f"{field.name}=block.{field.name}" for field in self.values]
        for field in self.references:
            assert field.refers is not None
            sent.append(
                f'{field.name}_id: int\n"""Id in the external system of {field.refers.product_type}."""'
            )
            values.append(f"{field.name}_id=block.{field.name}.{field.refers.id_name}")
        return {"sent_fields": "\n".join(sent), "sent_values": ", ".join(values)}

    def _in_workflows(self) -> dict[str, str]:
        block = f"products.product_blocks.{self.name}"
        own = [field.annotation for field in self.values if field.declared]
        initially = ", ".join(f'"{field.name}"' for field in self.references)
        clearable = ", ".join(f'"{field.name}"' for field in self.values if field.optional)
        return {
            "form_imports": f"from {block} import {', '.join(own)}" if own else "",
            "create_example": _text([field.option for field in (*self.mandatory, *self.references)]),
            "modify_example": _text([SAMPLE, self.mandatory[0].option, "--version 1"]),
            "mandatory_initially": (
                f"mandatory_initially: ClassVar = frozenset({{{initially}}})" if initially else ""
            ),
            "clearable": f"clearable: ClassVar = frozenset({{{clearable}}})" if clearable else "",
            "create_fields": "\n".join(map(_create_field, self.fields)),
            "modify_fields": "\n".join(map(_modify_field, self.values)),
        }

    def _in_tests(self) -> dict[str, str]:
        references = "".join(
            f', {field.name}={{"owner_subscription_id": uuid4()}}' for field in self.references
        )
        return {
            "test_mandatory": ", ".join(f'"{field.name}"' for field in self.mandatory),
            "test_values": ", ".join(f'"{field.name}"' for field in self.values),
            "test_references": references,
            "test_accepted": _cases([(field.name, one) for field in self.values for one in field.accepted]),
            "test_refused": _cases([(field.name, one) for field in self.values for one in field.refused]),
        }


def _create_field(field: ProductField) -> str:
    kind = "UUID" if field.refers else field.annotation
    given = f"title={_quoted(field.title)}, description={_quoted(field.title + field.told)}"
    if field.optional:
        return f"{field.name}: {kind} | None = Field(None, {given})"
    return f"{field.name}: {kind} = Field({given})"


def _modify_field(field: ProductField) -> str:
    told = f"New {words(field.name)}{field.told}{'; null clears it' * field.optional}"
    given = f"title={_quoted(field.title)}, description={_quoted(told)}"
    return f"{field.name}: {field.annotation} | None = Field(None, {given})"


def _text(parts: Sequence[str]) -> str:
    """Return a string literal, in parts that each fit on a line."""
    if len(" ".join(parts)) <= len(SAMPLE) * 2:
        return _literal(" ".join(parts))
    return f"({' '.join(_literal(part + ' ') for part in parts[:-1])} {_literal(parts[-1])})"


def _literal(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'


def _quoted(text: str) -> str:
    return json.dumps(text)


def _cases(cases: Sequence[tuple[str, object]]) -> str:
    return ", ".join(f"({_quoted(name)}, {value!r})" for name, value in cases)
