"""What the activities are told, and what they answer where that is not a subscription."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from orchestrator.domain.process import Course, Event, Process, ProcessStatus
from orchestrator.domain.subscription import Status, SubscriptionModel

Values = dict[str, JsonValue]
"""Resource types and their values, as a form gave them; the product's model validates them."""


class StepRun(BaseModel):
    """What every step is told: which step, of which process, at which moment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    process: Process
    step: str
    """The name of the step: its key in the ledger."""
    at: datetime
    """The time by the workflow's clock, which skips time; PostgreSQL's clock does not."""
    course: Course
    """Once a roll-back has begun, only steps that go backward commit; an abort stops only those that go
    forward."""

    # On the wire the course is the two flags of the first release: open processes carry them, and older
    # workers know nothing else.
    @model_validator(mode="before")
    @classmethod
    def _read_flags(cls, fields: Any) -> Any:
        if not isinstance(fields, dict) or "course" in fields:
            return fields
        others = {
            name: value for name, value in fields.items() if name not in {"rolling_back", "heeds_abort"}
        }
        return others | {
            "course": _course(fields.get("rolling_back", False), fields.get("heeds_abort", False))
        }

    @model_serializer(mode="wrap")
    def _write_flags(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        fields: dict[str, JsonValue] = handler(self)
        del fields["course"]
        return fields | {
            "rolling_back": self.course is Course.BACKWARD,
            "heeds_abort": self.course is Course.FORWARD,
        }


def _course(rolling_back: bool, heeds_abort: bool) -> Course:  # noqa: FBT001  # two flags of the wire
    if rolling_back:
        return Course.BACKWARD
    return Course.FORWARD if heeds_abort else Course.FORWARD_ONLY


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    run: StepRun


class CreateSubscription(_Input):
    """What `create_subscription` needs."""

    product: str
    """The name or the UUID of the product."""
    product_type: str | None = None
    """That it must be of; `None` means any."""
    customer_id: UUID
    values: Values = {}
    """The resource types that are mandatory in `initial`."""


class ModifyValues(_Input):
    """What a step needs that changes values in an external system."""

    values: Values


class LockSubscription(_Input):
    """What `unsync` needs."""

    product_type: str
    """That the workflow is for."""
    version: int | None
    """That the form was filled in for; `None` means whichever it has."""
    unchangeable: Values = {}
    """Values that may be given, but only as they are."""
    values: Values = {}
    """Those that are to change: what they refer to is joined now."""


class CheckResult(BaseModel):
    """What a validation found."""

    model_config = ConfigDict(frozen=True)

    subscription: SerializeAsAny[SubscriptionModel]
    differences: tuple[str, ...]
    """A sentence for each; none where subscription and external systems agree."""


class Conclude(_Input):
    """What `conclude_validation` needs."""

    check: str
    """The step that has compared."""


class InitializeSubscription(_Input):
    """What `initialize_subscription` needs."""

    values: Values


class SetStatus(_Input):
    """What `set_status` needs."""

    status: Status


class BeginRollBack(_Input):
    """What `begin_roll_back` needs."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    last_step: str
    """The step after whose commit it is too late."""
    from_pivot: tuple[str, ...] = Field((), alias="no_way_back")
    """The pivot and the steps after it: if one of them has begun, the process goes forward only."""
    reason: str | None
    """Who aborts and why, if the cancellation says so."""


class RollBackBegun(BaseModel):
    """What the database says about a process that is to be rolled back."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)

    completed: SerializeAsAny[SubscriptionModel] | None
    """The subscription as the last step left it, where that has committed: it is too late to roll back."""
    held: bool
    """Whether there is anything to undo."""
    differences: tuple[str, ...] = ()
    """Of a validation that has completed: what it has found."""
    past_pivot: bool = Field(default=False, alias="no_way_back")
    """Whether the pivot has begun: then nothing is rolled back."""


class RepeatAbort(BaseModel):
    """What `repeat_abort` needs."""

    model_config = ConfigDict(frozen=True)

    process_id: str
    reason: str
    """Who aborted the process and why; may be empty."""


class ProcessEvent(_Input):
    """Something that happened to the process on its way, for the trail."""

    event: Event
    number: int
    """Sequence number among this execution's events of the same kind, starting at 1."""
    run_id: str
    """Of the execution that counts."""
    by: str | None = None
    reason: str | None = None


class EndProcess(_Input):
    """How a process ended that did not end with its last step."""

    status: ProcessStatus
    failed_reason: str | None = None
    error_type: str | None = None
    """Of the error that it ended with; `None` where it was aborted."""


class Ended(BaseModel):
    """How a process ended that did not end with its last step, as the ledger keeps it."""

    model_config = ConfigDict(frozen=True)

    error_type: str
    failed_reason: str
