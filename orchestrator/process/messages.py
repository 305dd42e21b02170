"""What the activities take and return, if that is not a subscription."""

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
"""Values of resource types, as a form holds them; the model of the product validates them."""


class Adoption(BaseModel):
    """Who takes over what an external system has, and why; both are optional."""

    model_config = ConfigDict(frozen=True)

    by: str | None
    reason: str | None


class StepRun(BaseModel):
    """What every step takes: which step of which process runs, and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    process: Process
    step: str
    """The key of the step in the ledger."""
    at: datetime
    """The time by the workflow's clock. Never PostgreSQL's: in tests, workflows skip months."""
    course: Course
    """Once a roll-back has begun, only steps that go backward commit; an abort stops only those that go
    forward."""
    adoption: Adoption | None = None
    """Given if the step is not to call its external system, but to take over what the system has."""

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
        if self.adoption is None:  # an older release does not know the field
            del fields["adoption"]
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
    """What `create_subscription` takes."""

    product: str
    """The name or UUID of the product."""
    product_type: str | None = None
    """Required product type; `None` accepts any."""
    customer_id: UUID
    values: Values = {}
    """The resource types that are mandatory in `initial`."""


class ModifyValues(_Input):
    """What a step takes that changes values in an external system."""

    values: Values


class LockSubscription(_Input):
    """What `unsync` takes."""

    product_type: str
    """The product type that the workflow is for."""
    version: int | None
    """Version that the caller has read; `None` skips the check."""
    unchangeable: Values = {}
    """Values that must equal the present ones."""
    values: Values = {}
    """Values to change. The subscription joins what they refer to in this step."""


class CheckResult(BaseModel):
    """What a validation found."""

    model_config = ConfigDict(frozen=True)

    subscription: SerializeAsAny[SubscriptionModel]
    differences: tuple[str, ...]
    """One sentence each; empty if subscription and external system agree."""


class Conclude(_Input):
    """What `conclude_validation` takes."""

    check: str
    """The key of the step that compared."""


class InitializeSubscription(_Input):
    """What `initialize_subscription` takes."""

    values: Values


class CorrectValues(_Input):
    """What `correct_values` takes."""

    values: Values


class SetStatus(_Input):
    """What `set_status` takes."""

    status: Status


class BeginRollBack(_Input):
    """What `begin_roll_back` takes."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    last_step: str
    """The key of the last step: once it has committed, an abort is too late."""
    from_pivot: tuple[str, ...] = Field((), alias="no_way_back")
    """The pivot and the steps after it: if one of them has begun, the process goes forward only."""
    reason: str | None
    """Who aborts and why, if the cancellation says so."""


class RollBackBegun(BaseModel):
    """What the database says about a process that is to be rolled back."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)

    completed: SerializeAsAny[SubscriptionModel] | None
    """The subscription as the last step left it; `None` if that step has not committed."""
    held: bool
    """Whether the process holds the subscription; if not, there is nothing to undo."""
    differences: tuple[str, ...] = ()
    """What a validation that has completed found."""
    past_pivot: bool = Field(default=False, alias="no_way_back")
    """Whether the pivot has begun: then nothing is rolled back."""


class RepeatAbort(BaseModel):
    """What `repeat_abort` takes."""

    model_config = ConfigDict(frozen=True)

    process_id: str
    first_execution_run_id: str
    reason: str
    """Who aborted the process and why; may be empty."""


class ProcessEvent(_Input):
    """What `record_event` takes."""

    event: Event
    number: int
    """Sequence number among this execution's events of the same kind, starting at 1."""
    run_id: str
    """The run that counts the events: a run that was reset counts anew."""
    by: str | None = None
    reason: str | None = None


class EndProcess(_Input):
    """What `end_process` takes: how a process ended before its last step."""

    status: ProcessStatus
    failed_reason: str | None = None
    error_type: str | None = None
    """The type of the error that it ended with; `None` if it was aborted."""


class Ended(BaseModel):
    """How a process ended before its last step, as the ledger keeps it."""

    model_config = ConfigDict(frozen=True)

    error_type: str
    failed_reason: str


def end_of(run: StepRun, result: BaseModel) -> ProcessStatus:
    """Return how a process ends whose last step has this result."""
    if run.course is Course.BACKWARD:
        return ProcessStatus.ABORTED
    differs = isinstance(result, CheckResult) and result.differences
    return ProcessStatus.FAILED if differs else ProcessStatus.COMPLETED
