"""The fields that the input forms of all workflows share."""

from collections.abc import Collection
from typing import ClassVar, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import explain, shown
from orchestrator.domain.process import created_subscription_id, faked_customer_id
from orchestrator.domain.text import Name, Reason, WholeNumber
from orchestrator.process.messages import Values


class OperatorNote(BaseModel):
    """Who acts on a process and why; both are optional."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Name | None = Field(None, title="By", description="Who does this")
    reason: Reason | None = Field(None, title="Reason", description="Why you do this, in one line")


class RetryNote(OperatorNote):
    """Who retries a parked process and why, with corrected values."""

    values: Values = Field(
        {},
        title="Values",
        description='Corrected values of the input, such as {"group_name": "Security team"}',
        exclude_if=lambda values: not values,  # an older release does not know the field
    )

    def about(self, correction: Values) -> OperatorNote:
        """Return who retries, and why, with what is corrected."""
        named = ", ".join(f"{name} = {shown(str(value))}" for name, value in correction.items())
        parts = [self.reason or "", f"corrected: {named}" if named else ""]
        why = "; ".join(part for part in parts if part) or None
        return OperatorNote.model_construct(by=self.by, reason=why)


class WorkflowInput(OperatorNote):
    """The input of a workflow: flat JSON, one object. The process page says what does not fit."""

    is_workflow_input: ClassVar = True


class StartForm(WorkflowInput):
    """The input of a process."""

    examples: ClassVar[tuple[str, ...]] = ()
    """Example command lines for the help page."""
    not_values: ClassVar[frozenset[str]] = frozenset(OperatorNote.model_fields)
    """The fields that are not resource types."""

    @model_serializer(mode="wrap")
    def _as_it_was_filled_in(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        # An omitted value stays omitted: a null would ask to clear the value.
        fields: dict[str, JsonValue] = handler(self)
        return {name: value for name, value in fields.items() if name in self.model_fields_set}

    @property
    def title(self) -> str:
        """What the process does, in a few words; the list of processes shows it."""
        raise NotImplementedError

    def subscription(self, process_id: str) -> UUID:
        """Return the id of the subscription that the process works on, or is about to create."""
        raise NotImplementedError

    def values(self) -> Values:
        """Return the values of the resource types that were filled in."""
        asked = type(self).model_fields.keys() - self.not_values
        return self.model_dump(mode="json", include=asked, exclude_unset=True)

    @classmethod
    def correctable(cls) -> frozenset[str]:
        """Return the names of the values that can be corrected once the process has begun."""
        return frozenset(cls.model_fields) - cls.not_values

    def corrected(self, values: Values, *, fixed: Collection[str]) -> Self:
        """Return the form with some of its values corrected.

        Args:
            fixed: names that cannot be corrected, because what they refer to has been judged and locked.

        Raises:
            InvalidInput: when a value cannot be corrected, or does not fit.
        """
        allowed = self.correctable() - set(fixed)
        for name in values.keys() - allowed:
            known = f"give {' or '.join(sorted(allowed))}" if allowed else "this process has no such value"
            raise InvalidInput(f"{shown(name)} cannot be corrected; {known}")
        try:
            return type(self).model_validate(self.model_dump(mode="json") | values)
        except ValidationError as error:
            raise InvalidInput(explain(error, type(self))) from None


class CreateForm(StartForm):
    """The fields of every create workflow."""

    customer_id: UUID | None = Field(
        None, title="Customer", description="UUID of the customer (default: a made-up one)"
    )

    not_values: ClassVar[frozenset[str]] = StartForm.not_values | {"customer_id", "product"}
    mandatory_initially: ClassVar[frozenset[str]] = frozenset()
    """The resource types that are mandatory in `initial`."""

    def initial_values(self) -> Values:
        """Return the values that are mandatory in `initial`."""
        return {name: value for name, value in self.values().items() if name in self.mandatory_initially}

    def later_values(self) -> Values:
        """Return the values that the subscription gets when it is initialized."""
        return {name: value for name, value in self.values().items() if name not in self.mandatory_initially}

    @classmethod
    def correctable(cls) -> frozenset[str]:
        return super().correctable() - cls.mandatory_initially

    def subscription(self, process_id: str) -> UUID:
        """Return the same id at every attempt."""
        return created_subscription_id(process_id)

    def customer(self, process_id: str) -> UUID:
        """Return the customer; a faked one if none was given."""
        return self.customer_id or faked_customer_id(process_id)


class ExistingForm(StartForm):
    """The fields of every workflow on an existing subscription."""

    subscription_id: UUID = Field(title="Subscription", description="UUID of the subscription")
    version: WholeNumber | None = Field(
        None,
        title="Version",
        ge=1,
        description="Version that you have read; refused if the subscription has changed since",
    )

    not_values: ClassVar[frozenset[str]] = StartForm.not_values | {"subscription_id", "version"}
    unchangeable: ClassVar[frozenset[str]] = frozenset()
    """The resource types that may be given, but not changed."""

    @classmethod
    def correctable(cls) -> frozenset[str]:
        return super().correctable() - cls.unchangeable

    def subscription(self, process_id: str) -> UUID:
        return self.subscription_id

    def unchanged(self) -> Values:
        """Return the values that must equal the present ones."""
        return self.model_dump(mode="json", include=set(self.unchangeable), exclude_unset=True)


class ModifyForm(ExistingForm):
    """The fields of every modify workflow. An omitted value stays; null clears an optional one."""

    clearable: ClassVar[frozenset[str]] = frozenset()
    """The resource types that null clears."""

    def values(self) -> Values:
        """Return the values to change."""
        return {name: value for name, value in super().values().items() if name not in self.unchangeable}

    @model_validator(mode="after")
    def _has_changes(self) -> Self:
        for name, value in self.values().items():
            if value is None and name not in self.clearable:
                raise ValueError(f"must not have {name} null; leave it out to keep its value")
        if not self.values():
            raise ValueError("has nothing to change; give at least one value")
        return self


class TerminateForm(ExistingForm):
    """The fields of every terminate workflow."""

    examples: ClassVar = ("64f731c2-30f5-5d90-b7b0-8f61a6fa6cce --yes",)

    @property
    def title(self) -> str:
        return f"Terminate subscription {self.subscription_id}"


class ValidateForm(ExistingForm):
    """The fields of every validate workflow."""

    examples: ClassVar = ("64f731c2-30f5-5d90-b7b0-8f61a6fa6cce",)

    @property
    def title(self) -> str:
        return f"Validate subscription {self.subscription_id}"
