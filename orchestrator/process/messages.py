"""What the activities are told, and what they answer where that is not a subscription."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue, SerializeAsAny

from orchestrator.domain.process import Event, Process, ProcessStatus
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
    """The moment, by the clock of the workflow: PostgreSQL's own clock does not skip time."""
    rolling_back: bool = False
    """Whether this step undoes others: only such steps may commit once the roll-back has begun."""
    heeds_abort: bool = False
    """Whether an abort that was accepted meanwhile stops this step from having an effect."""


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

    last_step: str
    """The step after whose commit it is too late."""
    no_way_back: tuple[str, ...] = ()
    """The steps of which one that has begun can only be followed by the rest."""
    reason: str | None
    """Who aborts and why, as far as the cancellation says so."""


class RollBackBegun(BaseModel):
    """What the database says of a process that is to be rolled back."""

    model_config = ConfigDict(frozen=True)

    completed: SerializeAsAny[SubscriptionModel] | None
    """The subscription as the last step left it, where that has committed: it is too late to roll back."""
    held: bool
    """Whether there is anything to undo."""
    differences: tuple[str, ...] = ()
    """Of a validation that has completed: what it has found."""
    no_way_back: bool = False
    """Whether a step has begun that can only be followed by the rest: nothing is rolled back."""


class ProcessEvent(_Input):
    """Something that happened to the process on its way, for the trail."""

    event: Event
    number: int
    """The how manieth of its kind in this execution, from 1."""
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
