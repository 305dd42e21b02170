"""The input forms of the workflows: what all of them ask."""

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from activities.ledger import Values
from products.process import created_subscription_id, faked_customer_id
from products.text import Name, Reason


class OperatorNote(BaseModel):
    """Who acts on a process, and why; both may stay away."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Name | None = Field(None, title="By", description="who does this")
    reason: Reason | None = Field(None, title="Reason", description="why, in one line")


class StartForm(OperatorNote):
    """The input of a workflow: flat JSON, one object."""

    examples: ClassVar[tuple[str, ...]] = ()
    """How it is filled in on the command line, for its help page."""
    not_values: ClassVar[frozenset[str]] = frozenset(OperatorNote.model_fields)
    """The fields that are no resource types."""

    @property
    def title(self) -> str:
        """What the process does, in a few words, for the list of processes."""
        raise NotImplementedError

    def subscription(self, process_id: str) -> UUID:
        """Return the id of the subscription that the process works on, or is about to create."""
        raise NotImplementedError

    def values(self) -> Values:
        """Return the resource types that were filled in."""
        asked = type(self).model_fields.keys() - self.not_values
        return self.model_dump(mode="json", include=asked, exclude_unset=True)


class CreateForm(StartForm):
    """What every create workflow asks."""

    customer_id: UUID | None = Field(
        None, title="Customer", description="UUID of the customer; one is faked where none is given"
    )

    not_values: ClassVar[frozenset[str]] = StartForm.not_values | {"customer_id", "product"}

    def subscription(self, process_id: str) -> UUID:
        """See `StartForm`: the same at every attempt."""
        return created_subscription_id(process_id)

    def customer(self, process_id: str) -> UUID:
        """Return the customer, faked where none was given."""
        return self.customer_id or faked_customer_id(process_id)
