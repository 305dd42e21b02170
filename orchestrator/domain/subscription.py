"""What a subscription is, and which lifecycle states it may be in."""

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
"""Where a subscription can go from each state; to stay is always possible."""


class SubscriptionModel(BaseModel):
    """One customer's instance of a product, in a lifecycle state that its class allows.

    A product type is a family of such classes. The first is declared with its products and holds its
    block in the one field that is a `ProductBlock`; each later class restates that block, stricter:

        class UserGroupInactive(SubscriptionModel, lifecycle=[...], products={...})
        class UserGroupProvisioning(UserGroupInactive, lifecycle=[Status.PROVISIONING])

    `SubscriptionModel` itself has no instances: to validate as `SubscriptionModel` gives one of the class
    that fits the product type and the status of the input.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lifecycle: ClassVar[frozenset[Status]] = frozenset()
    products: ClassVar[Mapping[UUID, Product]] = {}
    fixed_inputs: ClassVar[Mapping[UUID, Mapping[str, str]]] = {}
    """The constants of each product of this type: part of the block, the same in every subscription."""
    stages: ClassVar[dict[Status, type["SubscriptionModel"]]] = {}
    """The classes of this product type, by the state they are for."""
    families: ClassVar[dict[str, dict[Status, type["SubscriptionModel"]]]] = {}
    """The stages of every product type that was declared, by `Product.type`."""
    product_type: ClassVar[str] = ""
    """The product type that the class belongs to: the `type` of all of its products."""
    block_name: ClassVar[str] = ""
    """The field that holds the product block."""

    subscription_id: UUID
    product: Product
    customer_id: UUID
    description: str
    status: Status
    insync: bool
    """Derived: nothing holds the subscription and no discrepancy is known."""
    held_by: str | None = None
    """The process that works on it, or is parked on it."""
    discrepancy_found_by: str | None = None
    """The validation that found it to differ from the external systems."""
    start_date: datetime | None = None
    """When it first became active."""
    end_date: datetime | None = None
    """When it was terminated."""
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

    # The same arguments once more: pydantic calls this one when the fields of the class are known.
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
        return stage.model_validate(fields)  # type: ignore[no-any-return]  # a class that fits, of any type

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
        """Return a virgin subscription on a product of this type.

        Args:
            subscription_id: its id; `None` means a random one.
            held_by: the process that makes it.
            values: the resource types that are mandatory in `initial`.

        Raises:
            LifecycleError: when the product is of another type, or a mandatory resource type is missing.
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
        """Return the subscription in another lifecycle state, with everything it had.

        Args:
            at: the moment: becomes the start date of what first becomes active, the end date of what is
                terminated.

        Raises:
            LifecycleError: when this class is not for that state, the state cannot be reached from the
                present one, or resource types that are mandatory there are missing (it names them).
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
        """Return the class for the subscriptions of a product type in this state.

        Raises:
            LifecycleError: when no class was declared for them.
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
        """The product block, whatever its field is called."""
        block: ProductBlock = getattr(self, self.block_name)
        return block

    def describe(self) -> str:
        """Return the description that fits the present values."""
        return self.description

    def with_status(self, status: Status, *, at: datetime | None = None) -> "SubscriptionModel":
        """Return this subscription in another state, as the class for that state (`from_other_lifecycle`)."""
        return self.stages[status].from_other_lifecycle(self, status, at=at)

    def with_values(self, **values: object) -> Self:
        """Return this subscription with other values of resource types, validated.

        Raises:
            pydantic.ValidationError: when a value does not fit, or is of no resource type of the block.
        """
        fields = self.model_dump()
        fields[self.block_name] |= values
        return type(self).model_validate(fields)

    def changed(self, **values: object) -> Self:
        """Return this subscription with other values, and with the description that fits them."""
        changed = self.with_values(**values)
        fields = changed.model_dump() | {"description": changed.describe()}
        return type(self).model_validate(fields)

    def restored(self, before: "SubscriptionModel") -> "SubscriptionModel":
        """Return this subscription with the content that it had before: status, description, values."""
        content = {"status": before.status, "description": before.description, "end_date": before.end_date}
        fields = self.model_dump() | content | {self.block_name: before.block.model_dump()}
        return self.stages[before.status].model_validate(fields)

    def differs_from(self, before: "SubscriptionModel") -> bool:
        """Return whether its own values or its status are others than before."""
        return (self.status, self.block.own_values()) != (before.status, before.block.own_values())

    def held(self, process_id: str) -> Self:
        """Return this subscription, held by a process."""
        return self._with(held_by=process_id, insync=False)

    def released(self) -> Self:
        """Return this subscription, held by nobody."""
        return self._with(held_by=None, insync=self.discrepancy_found_by is None)

    def found_different(self, process_id: str | None) -> Self:
        """Return this subscription with the validation that found a discrepancy; `None`: none is known."""
        insync = process_id is None and self.held_by is None
        return self._with(discrepancy_found_by=process_id, insync=insync)

    def of_version(self, version: int) -> Self:
        """Return this subscription with another version."""
        return self._with(version=version)

    def _with(self, **fields: object) -> Self:
        return type(self).model_validate(self.model_dump() | fields)

    def initialized(self, **values: object) -> "SubscriptionModel":
        """Return this subscription in `provisioning` with these values, and with their description."""
        return self.with_values(**values).with_status(Status.PROVISIONING).changed()


def _is_block(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, ProductBlock)


def _refuse_missing(kind: type[SubscriptionModel], status: Status, missing: list[str]) -> None:
    if missing:
        raise LifecycleError(f"{kind.__name__} cannot be {status}: {', '.join(missing)} missing")
