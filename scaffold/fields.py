"""The fields of a new product, as they are typed: `address:name`, `quota_mb:int:1..1000`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from catalogue import entry_of
from orchestrator.domain.product_block import ProductBlock
from orchestrator.domain.subscription import Status, SubscriptionModel
from scaffold.errors import CannotWrite
from scaffold.names import camel, require_field_name, words

LONGEST_LIST = 60
"""Characters of a list of choices that a help page shows."""

KINDS = "name, int, int:1..1000, bool, choice:red,green, or the type of another product, such as UserGroup"


@dataclass(frozen=True)
class Referred:
    """The product that a reference refers to."""

    product_type: str
    module: str
    block: str
    """The block class of an active subscription."""
    inactive_block: str
    id_name: str
    """The resource type with its id in its external system."""


@dataclass(frozen=True)
class ProductField:
    """A resource type of the new product, and the Python that writes it."""

    name: str
    annotation: str
    """Its type in the block and in the forms."""
    sent: str
    """Its type in the external system."""
    told: str = ""
    """What its description says after its title."""
    declared: str = ""
    """The definition of the type, if the product has to define it."""
    example: str = ""
    """A value on a command line."""
    accepted: tuple[object, ...] = ()
    refused: tuple[object, ...] = ()
    """Values for the tests, as JSON."""
    optional: bool = False
    refers: Referred | None = None

    @property
    def title(self) -> str:
        """The title in the forms."""
        return words(self.name).capitalize()

    @property
    def option(self) -> str:
        """The option of the command line, with an example."""
        return f"--{self.name.replace('_', '-')} {self.example}"


def parse_field(typed: str, product: str) -> ProductField:
    """Return the field that was typed.

    Args:
        product: the name of the new product; it becomes part of the names of new types.

    Raises:
        CannotWrite: if the name or the type is not one.
    """
    name, _, rest = typed.partition(":")
    require_field_name(name, product)
    kind, _, detail = rest.removesuffix("?").partition(":")
    optional = rest.endswith("?")
    if kind in KIND_OF:
        return replace(KIND_OF[kind](name, product, detail), optional=optional)
    if (entry := entry_of(kind)) is not None and not detail:
        if optional:
            raise CannotWrite(f"{typed!r}: a reference is always mandatory; remove the question mark")
        return _reference(name, product, _referred(entry.subscription))
    raise CannotWrite(f"{typed!r} has no known type; give NAME:TYPE with one of: {KINDS}")


def _name(name: str, product: str, detail: str) -> ProductField:
    _require_no_detail(name, "name", detail)
    return ProductField(
        name,
        annotation="Name",
        sent="str",
        told=", 1 to 255 characters",
        example=f'"{words(name).capitalize()} 1"',
        accepted=(f"{words(name).capitalize()} 1",),
        refused=("", "two\nlines"),
    )


def _int(name: str, product: str, detail: str) -> ProductField:
    if not detail:
        return ProductField(
            name,
            annotation="WholeNumber",
            sent="int",
            told=", a whole number",
            example="1",
            accepted=(0, -7),
            refused=("many", 1.5, True),
        )
    found = re.fullmatch(r"(-?\d{1,15})\.\.(-?\d{1,15})", detail)
    if found is None or int(found[1]) >= int(found[2]):
        raise CannotWrite(f"{name}:int:{detail} has no range; give the smallest and the largest, as in 1..9")
    least, most = int(found[1]), int(found[2])
    kind = _own_type(name, product)
    return ProductField(
        name,
        annotation=kind,
        sent="int",
        told=f", {least} to {most}",
        declared=f'{kind} = Annotated[WholeNumber, Field(ge={least}, le={most})]\n"""{least} to {most}."""',
        example=str(least),
        accepted=(least, most),
        refused=(least - 1, most + 1, True),
    )


def _bool(name: str, product: str, detail: str) -> ProductField:
    _require_no_detail(name, "bool", detail)
    return ProductField(
        name,
        annotation="bool",
        sent="bool",
        told=", true or false",
        example="true",
        accepted=(True, False),
        refused=("perhaps", 2),
    )


def _choice(name: str, product: str, detail: str) -> ProductField:
    choices = detail.split(",")
    if len(choices) < 2 or len(set(choices)) < len(choices):  # noqa: PLR2004  # one is no choice
        raise CannotWrite(f"{name}:choice:{detail} has no choices; give two or more, as in red,green")
    for choice in choices:
        if not re.fullmatch(r"[a-z](_?[a-z0-9]){0,29}", choice):
            raise CannotWrite(
                f"{choice!r} is no choice; use small letters, digits and single underscores, at most 30"
            )
    kind = _own_type(name, product)
    members = "".join(f'\n    {choice.upper()} = "{choice}"' for choice in choices)
    shown = f"{', '.join(choices[:-1])} or {choices[-1]}"
    return ProductField(
        name,
        annotation=kind,
        sent="str",
        told=f": {shown}" if len(shown) <= LONGEST_LIST else f", one of {len(choices)} values",
        declared=f'class {kind}(StrEnum):\n    """The values of `{name}`."""\n{members}\n',
        example=choices[0],
        accepted=tuple(choices),
        refused=("no such choice",),
    )


KIND_OF: dict[str, Callable[[str, str, str], ProductField]] = {
    "name": _name,
    "int": _int,
    "bool": _bool,
    "choice": _choice,
}
"""Makes a field from its name, the name of the product, and the detail after the kind."""


def _reference(name: str, product: str, referred: Referred) -> ProductField:
    kind = _own_type(name, product)
    of_product = words(referred.product_type)
    declared = (
        f"class {kind}Inactive(Reference, {referred.inactive_block}):\n"
        f'    """A block of another subscription ({of_product}), in any lifecycle state."""\n\n'
        f'    product_type: ClassVar = "{referred.product_type}"\n\n\n'
        f"class {kind}({referred.block}, {kind}Inactive):\n"
        f'    """The same block from `provisioning` on: it must be active."""\n'
    )
    return ProductField(
        name,
        annotation=kind,
        sent="int",
        told=f": UUID of the subscription ({of_product})",
        declared=declared,
        example="64f731c2-30f5-5d90-b7b0-8f61a6fa6cce",
        refers=referred,
    )


def _referred(kind: type[SubscriptionModel]) -> Referred:
    """Return what a reference to this product has to name.

    Raises:
        CannotWrite: if its block refers to a third one, or does not show which resource type is its id.
    """
    block, before, inactive = (
        kind.stages[status].block_class() for status in (Status.ACTIVE, Status.PROVISIONING, Status.INITIAL)
    )
    if block.references():
        raise CannotWrite(f"{kind.product_type} refers to another product; a reference to it is not possible")
    return Referred(
        product_type=kind.product_type,
        module=block.__module__,
        block=block.__name__,
        inactive_block=inactive.__name__,
        id_name=_id_of(kind.product_type, block, before),
    )


def _id_of(product_type: str, block: type[ProductBlock], before: type[ProductBlock]) -> str:
    """Return the resource type that an active subscription has and a provisioning one need not have."""
    ids = [name for name in block.mandatory() if name not in before.mandatory()]
    if len(ids) != 1:
        raise CannotWrite(f"{product_type} has no single id; a reference to it is not possible")
    return ids[0]


def _own_type(name: str, product: str) -> str:
    """Return the name of a type that the product defines; no other name looks like this."""
    return f"{camel(name)}Of{camel(product)}"


def _require_no_detail(name: str, kind: str, detail: str) -> None:
    if detail:
        raise CannotWrite(f"{name}:{kind}:{detail} has too much; give {name}:{kind}")


def require_fields_fit(product: str, fields: Sequence[ProductField]) -> None:
    """Require that the fields can stand side by side, and that one can name the subscription.

    Raises:
        CannotWrite: if two have one name, or none is a mandatory name.
    """
    used = {f"{product}_id"}
    for field in fields:
        for name in [field.name, f"{field.name}_id"] if field.refers else [field.name]:
            if name in used:
                raise CannotWrite(f"There are two fields {name}; give each field another name")
            used.add(name)
    if not any(field.annotation == "Name" and not field.optional for field in fields):
        raise CannotWrite(
            "No field can describe a subscription; give one that is a mandatory name, such as title:name"
        )
