"""The activity that checks the start of a process: when it is scheduled, and again when it is due."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError
from temporalio import activity

from orchestrator.database import subscriptions
from orchestrator.database.connection import Pool
from orchestrator.domain.errors import InvalidInput, UnknownWorkflowType
from orchestrator.domain.gate import SubscriptionNotFound, WorkflowNotValid
from orchestrator.domain.input_errors import explain
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.forms import ExistingForm
from orchestrator.process.messages import Values
from orchestrator.process.starting import Startable, known_attributes, summary


class PlannedStart(BaseModel):
    """The start of a process."""

    model_config = ConfigDict(frozen=True)

    workflow: str
    input: Values
    process_id: str


class CheckedStart(BaseModel):
    """What is known about a process before it starts."""

    model_config = ConfigDict(frozen=True)

    title: str
    """What the process will do; short enough for a summary."""
    attributes: dict[str, str]
    """Its search attributes, by name; all of them are keywords."""


class StartLaterActivities:
    """Checks what is to be started later. It changes nothing."""

    def __init__(self, pool: Pool, startable: Mapping[str, Startable]) -> None:
        """Create the activities.

        Args:
            startable: every workflow that can be started later, by workflow type.
        """
        self._pool = pool
        self._startable = startable

    @activity.defn
    async def check_start(self, start: PlannedStart) -> CheckedStart:
        """Check a start, as far as the gate does not judge it; return what is known about the process.

        Raises:
            UnknownWorkflowType: if no such process can be started.
            InvalidInput: if the input does not fit the form of the workflow.
            SubscriptionNotFound, WorkflowNotValid: if the process could never work on its subscription.
        """
        found = self._startable.get(start.workflow)
        if found is None:
            raise UnknownWorkflowType(start.workflow, sorted(self._startable))
        try:
            form = found.form.model_validate(start.input)
        except ValidationError as error:
            raise InvalidInput(explain(error, found.form)) from None
        subscription = await self._subscription(form, found) if isinstance(form, ExistingForm) else None
        known = known_attributes(form, start.process_id, found.target, found.kind, subscription)
        return CheckedStart(
            title=summary(form.title), attributes={pair.key.name: str(pair.value) for pair in known}
        )

    async def _subscription(self, form: ExistingForm, found: Startable) -> SubscriptionModel:
        async with self._pool.acquire() as connection:
            stored = await subscriptions.read_subscription(connection, form.subscription_id)
        if stored is None:
            raise SubscriptionNotFound(form.subscription_id)
        if stored.subscription.product.type != found.kind.product_type:
            raise WorkflowNotValid(stored.subscription)
        return stored.subscription
