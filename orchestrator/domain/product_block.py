"""What a product block is, and how it refers to a block of another subscription."""

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue


class Reference(BaseModel):
    """The part that makes a block one that another subscription owns.

    A block refers to another by a field whose class extends both that other block and this:

        class GroupOfUser(UserGroupBlock, Reference): product_type = "UserGroup"

    That other block must not have references itself. Only the owner is stored; the values are read from the
    owner's own block, so that they are never old.
    """

    product_type: ClassVar[str]
    """That the owner must be of."""

    owner_subscription_id: UUID


class ProductBlock(BaseModel):
    """A named group of resource types; a subclass restates only what became mandatory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fixed: ClassVar[frozenset[str]] = frozenset()
    """The fields that are fixed inputs: constants of the product."""

    @classmethod
    def mandatory(cls) -> list[str]:
        """Return the resource types that a block of this class cannot be without."""
        return [
            name for name, field in cls.model_fields.items() if field.is_required() and name not in cls.fixed
        ]

    @classmethod
    def references(cls) -> dict[str, type[Reference]]:
        """Return the fields that refer to a block of another subscription, with their classes."""
        return {
            name: field.annotation
            for name, field in cls.model_fields.items()
            if isinstance(field.annotation, type) and issubclass(field.annotation, Reference)
        }

    def own_values(self) -> dict[str, JsonValue]:
        """Return what the subscription itself stores: no fixed inputs, of a reference only the owner."""
        values: dict[str, JsonValue] = self.model_dump(mode="json", exclude=set(self.fixed))
        return values | {name: str(owner) for name, owner in self.owners().items()}

    def owners(self) -> dict[str, UUID]:
        """Return the subscriptions that own the blocks which this one refers to, by field."""
        references: dict[str, Reference] = {name: getattr(self, name) for name in self.references()}
        return {name: reference.owner_subscription_id for name, reference in references.items()}
