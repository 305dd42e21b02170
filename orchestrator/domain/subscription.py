"""Subscriptions and their lifecycle."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, model_validator

from orchestrator.domain.errors import LifecycleError
from orchestrator.domain.product import Product
from orchestrator.domain.product_block import ProductBlock


class Status(StrEnum):
    """The lifecycle: initial -> provisioning -> active -> terminated."""

    INITIAL = "initial"
    PROVISIONING = "provisioning"
    ACTIVE = "active"
    TERMINATED = "terminated"


NEXT: Mapping[Status, frozenset[Status]] = {
    Status.INITIAL: frozenset({Status.PROVISIONING, Status.TERMINATED}),
    Status.PROVISIONING: frozenset({Status.ACTIVE, Status.TERMINATED}),
    Status.ACTIVE: frozenset({Status.TERMINATED}),
    Status.TERMINATED: frozenset(),
}
"""The states that can follow each state; staying in a state is always allowed."""


class SubscriptionModel(BaseModel):
    """One customer's instance of a product, in a lifecycle state that its class allows.

    A product type is a family of such classes. The first class declares the products and has one field
    that is a `ProductBlock`. Each later class redeclares that field with a stricter block:

        class UserGroupInactive(SubscriptionModel, lifecycle=[...], products={...})
        class UserGroupProvisioning(UserGroupInactive, lifecycle=[Status.PROVISIONING])

    `SubscriptionModel` itself has no instances. Validating as `SubscriptionModel` returns an instance of
    the class that fits the product type and status of the input.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lifecycle: ClassVar[frozenset[Status]] = frozenset()
    products: ClassVar[Mapping[UUID, Product]] = {}
    fixed_inputs: ClassVar[Mapping[UUID, Mapping[str, str]]] = {}
    """The constants of each product of this type: block values that every subscription on it shares."""
    stages: ClassVar[dict[Status, type["SubscriptionModel"]]] = {}
    """The classes of this product type, by lifecycle state."""
    families: ClassVar[dict[str, dict[Status, type["SubscriptionModel"]]]] = {}
    """The stages of all declared product types, by `Product.type`."""
    product_type: ClassVar[str] = ""
    """The product type of the class: the `type` of all its products."""
    block_name: ClassVar[str] = ""
    """Name of the field with the product block."""

    subscription_id: UUID
    product: Product
    customer_id: UUID
    description: str
    status: Status
    insync: bool
    """Derived: true if no process holds the subscription and no discrepancy is known."""
    held_by: str | None = None
    """The process that has locked it; `None` if it is unlocked."""
    discrepancy_found_by: str | None = None
    """The validation that found a discrepancy; `None` if none is known."""
    start_date: datetime | None = None
    """When it first became active; `None` before that."""
    end_date: datetime | None = None
    """When it was terminated; `None` before that."""
    note: str | None = None
    version: int = Field(default=1, ge=1)

    def __init_subclass__(
        cls,
        *,
        lifecycle: Iterable[Status] = (),
        products: Mapping[UUID, Product] | None = None,
        fixed_inputs: Mapping[UUID, Mapping[str, str]] | None = None,
    ) -> None:
        super().__init_subclass__()

    # Takes the same arguments: pydantic calls it later, when the fields of the class are known.
    @classmethod
    def __pydantic_init_subclass__(
        cls,
        *,
        lifecycle: Iterable[Status] = (),
        products: Mapping[UUID, Product] | None = None,
        fixed_inputs: Mapping[UUID, Mapping[str, str]] | None = None,
        **_: Any,
    ) -> None:
        cls.lifecycle = frozenset(lifecycle)
        if products is not None:
            cls.products = products
            cls.fixed_inputs = fixed_inputs or {}
            cls.stages = {}
            (cls.product_type,) = {product.type for product in products.values()}
            cls.families[cls.product_type] = cls.stages
            cls.block_name = next(
                name for name, field in cls.model_fields.items() if _is_block(field.annotation)
            )
        for status in cls.lifecycle:
            cls.stages[status] = cls

    @model_validator(mode="wrap")
    @classmethod
    def _as_its_class(cls, fields: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if cls is not SubscriptionModel or isinstance(fields, SubscriptionModel):
            return handler(fields)
        product, status = Product.model_validate(fields["product"]), Status(fields["status"])
        stage: Any = cls.stage(product.type, status)
        return stage.model_validate(fields)  # type: ignore[no-any-return]  # a fitting class, of any product type

    @model_validator(mode="after")
    def _status_fits(self) -> Self:
        if self.status not in self.lifecycle:
            raise ValueError(f"{type(self).__name__} cannot be {self.status}")
        if self.insync != (self.held_by is None and self.discrepancy_found_by is None):
            raise ValueError(
                "insync must be true if no process holds it and no discrepancy is known; else false"
            )
        return self

    @classmethod
    def from_product_id(
        cls,
        product_id: UUID,
        customer_id: UUID,
        *,
        subscription_id: UUID | None = None,
        held_by: str | None = None,
        **values: object,
    ) -> Self:
        """Return a new subscription on a product of this type, in `initial`.

        Args:
            subscription_id: its id; `None` generates one.
            held_by: the process that creates it.
            values: the resource types that are mandatory in `initial`.

        Raises:
            LifecycleError: if the product is of another type, or a mandatory resource type is missing.
        """
        if product_id not in cls.products:
            raise LifecycleError(f"Product {product_id} is not of type {cls.__name__}")
        product = cls.products[product_id]
        values |= cls.fixed_inputs.get(product_id, {})
        block = cls.block_class()
        _refuse_missing(cls, Status.INITIAL, [name for name in block.mandatory() if values.get(name) is None])
        return cls.model_validate(
            {
                "subscription_id": subscription_id or uuid4(),
                "product": product,
                "customer_id": customer_id,
                "description": f"Initial subscription of {product.description}",
                "status": Status.INITIAL,
                "insync": held_by is None,
                "held_by": held_by,
                cls.block_name: values,
            }
        )

    @classmethod
    def from_other_lifecycle(
        cls, subscription: "SubscriptionModel", status: Status, *, at: datetime | None = None
    ) -> Self:
        """Return the subscription in another lifecycle state, with all its values.

        Args:
            at: the time of the change: becomes the start date of a subscription that first becomes
                active, and the end date of one that is terminated.

        Raises:
            LifecycleError: if the class does not fit the state, if the state cannot follow the current one,
                or if mandatory resource types are missing; the message names them.
        """
        if cls.stages.get(status) is not cls:
            raise LifecycleError(f"{cls.__name__} cannot be {status}")
        block = getattr(subscription, cls.block_name)
        _refuse_missing(
            cls, status, [name for name in cls.block_class().mandatory() if getattr(block, name) is None]
        )
        if status != subscription.status and status not in NEXT[subscription.status]:
            raise LifecycleError(f"A subscription that is {subscription.status} cannot become {status}")
        dates: dict[str, datetime] = {}
        if at is not None and status is Status.ACTIVE and subscription.start_date is None:
            dates["start_date"] = at
        if at is not None and status is Status.TERMINATED and subscription.end_date is None:
            dates["end_date"] = at
        return cls.model_validate(subscription.model_dump() | dates | {"status": status})

    @classmethod
    def stage(cls, product_type: str, status: Status) -> type["SubscriptionModel"]:
        """Return the class of a product type in this state.

        Raises:
            LifecycleError: if no such class is declared.
        """
        stages = cls.families.get(product_type, {})
        if status not in stages:
            raise LifecycleError(f"No class is declared for product type {product_type} in {status}")
        return stages[status]

    @classmethod
    def block_class(cls) -> type[ProductBlock]:
        """Return the class of the product block in this lifecycle state."""
        annotation = cls.model_fields[cls.block_name].annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, ProductBlock)
        return annotation

    @property
    def block(self) -> ProductBlock:
        """The product block."""
        block: ProductBlock = getattr(self, self.block_name)
        return block

    def describe(self) -> str:
        """Return the description for the current values."""
        return self.description

    def with_status(self, status: Status, *, at: datetime | None = None) -> "SubscriptionModel":
        """Return the subscription in another state; raises as `from_other_lifecycle` does."""
        return self.stages[status].from_other_lifecycle(self, status, at=at)

    def with_values(self, **values: object) -> Self:
        """Return the subscription with these values of resource types, validated.

        Raises:
            pydantic.ValidationError: if a value is invalid, or the block has no such resource type.
        """
        fields = self.model_dump()
        fields[self.block_name] |= values
        return type(self).model_validate(fields)

    def changed(self, **values: object) -> Self:
        """Return the subscription with these values and the description for them."""
        changed = self.with_values(**values)
        fields = changed.model_dump() | {"description": changed.describe()}
        return type(self).model_validate(fields)

    def restored(self, before: "SubscriptionModel") -> "SubscriptionModel":
        """Return the subscription with the status, description, end date and values that it had before."""
        content = {"status": before.status, "description": before.description, "end_date": before.end_date}
        fields = self.model_dump() | content | {self.block_name: before.block.model_dump()}
        return self.stages[before.status].model_validate(fields)

    def differs_from(self, before: "SubscriptionModel") -> bool:
        """Return whether its own values or its status have changed."""
        return (self.status, self.block.own_values()) != (before.status, before.block.own_values())

    def held(self, process_id: str) -> Self:
        """Return the subscription, locked by a process."""
        return self._with(held_by=process_id, insync=False)

    def released(self) -> Self:
        """Return the subscription, unlocked."""
        return self._with(held_by=None, insync=self.discrepancy_found_by is None)

    def found_different(self, process_id: str | None) -> Self:
        """Return the subscription with the validation that found a discrepancy; `None` clears it."""
        insync = process_id is None and self.held_by is None
        return self._with(discrepancy_found_by=process_id, insync=insync)

    def of_version(self, version: int) -> Self:
        """Return the subscription with this version."""
        return self._with(version=version)

    def noted(self, note: str | None) -> Self:
        """Return the subscription with this note; `None` clears it."""
        return self._with(note=note)

    def _with(self, **fields: object) -> Self:
        return type(self).model_validate(self.model_dump() | fields)

    def initialized(self, **values: object) -> "SubscriptionModel":
        """Return the subscription in `provisioning`, with these values and the description for them."""
        return self.with_values(**values).with_status(Status.PROVISIONING).changed()


def _is_block(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, ProductBlock)


def _refuse_missing(kind: type[SubscriptionModel], status: Status, missing: list[str]) -> None:
    if missing:
        raise LifecycleError(f"{kind.__name__} cannot be {status}: {', '.join(missing)} missing")
