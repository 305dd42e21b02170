"""Product blocks, and references to the blocks of other subscriptions."""

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue


class Reference(BaseModel):
    """Base of a block that another subscription owns.

    A block refers to another block by a field whose class extends both that block and this class:

        class GroupOfUser(UserGroupBlock, Reference): product_type = "UserGroup"

    The other block must not contain references. Only the owner's id is stored; the values are read from the
    owner's own block, so they are always current.
    """

    product_type: ClassVar[str]
    """Required product type of the owner."""

    owner_subscription_id: UUID


class ProductBlock(BaseModel):
    """A named group of resource types. A subclass redeclares only the fields that become mandatory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fixed: ClassVar[frozenset[str]] = frozenset()
    """The fields that are fixed inputs: constants of the product."""

    @classmethod
    def mandatory(cls) -> list[str]:
        """Return the resource types that are mandatory in this class."""
        return [
            name for name, field in cls.model_fields.items() if field.is_required() and name not in cls.fixed
        ]

    @classmethod
    def references(cls) -> dict[str, type[Reference]]:
        """Return the fields that refer to blocks of other subscriptions, with their classes."""
        return {
            name: field.annotation
            for name, field in cls.model_fields.items()
            if isinstance(field.annotation, type) and issubclass(field.annotation, Reference)
        }

    def own_values(self) -> dict[str, JsonValue]:
        """Return what the subscription stores: no fixed inputs, and only the owner of each reference."""
        values: dict[str, JsonValue] = self.model_dump(mode="json", exclude=set(self.fixed))
        return values | {name: str(owner) for name, owner in self.owners().items()}

    def owners(self) -> dict[str, UUID]:
        """Return the ids of the subscriptions that own the referenced blocks, by field."""
        references: dict[str, Reference] = {name: getattr(self, name) for name in self.references()}
        return {name: reference.owner_subscription_id for name, reference in references.items()}
