"""The generic steps: those that touch the subscription and its trail, whatever the product."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, SerializeAsAny
from temporalio import activity

from activities.ledger import Ledger, StepRun, Values
from database import processes, subscriptions
from database.connection import Connection, transaction
from database.processes import Event, TrailEvent
from products.process import ProcessStatus
from products.subscription import Status, SubscriptionModel


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    run: StepRun


class CreateSubscription(_Input):
    """What `create_subscription` needs."""

    product: str
    """The name or the UUID of the product."""
    customer_id: UUID
    values: Values = {}
    """The resource types that are mandatory in `initial`."""


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
    reason: str | None
    """Who aborts and why, as far as the cancellation says so."""


class RollBackBegun(BaseModel):
    """What the database says of a process that is to be rolled back."""

    model_config = ConfigDict(frozen=True)

    completed: SerializeAsAny[SubscriptionModel] | None
    """The subscription as the last step left it, where that has committed: it is too late to roll back."""
    held: bool
    """Whether there is anything to undo."""


class ProcessEvent(_Input):
    """Something that happened to the process on its way, for the trail."""

    event: Event
    number: int
    """The how manieth of its kind, from 1."""
    by: str | None = None
    reason: str | None = None


class EndProcess(_Input):
    """How a process ended that did not end with its last step."""

    status: ProcessStatus
    failed_reason: str | None = None


class SubscriptionActivities:
    """The generic steps; each may run again: what has committed is not done twice."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn
    async def create_subscription(self, step: CreateSubscription) -> SubscriptionModel:
        """Insert the virgin subscription, initial and held by this process.

        Raises:
            ProductNotFound: when there is no such product.
            LifecycleError: when a value that is mandatory in `initial` is missing.
        """
        process = step.run.process

        async def effect(connection: Connection) -> SubscriptionModel:
            product_id, product_type = await subscriptions.find_product(connection, step.product)
            virgin = SubscriptionModel.stage(product_type, Status.INITIAL).from_product_id(
                product_id,
                step.customer_id,
                subscription_id=process.subscription_id,
                held_by=process.process_id,
                **step.values,
            )
            await subscriptions.insert_subscription(connection, product_id, virgin, step.run.at)
            return virgin

        return await self._ledger.commit(step.run, effect)

    @activity.defn
    async def store_process_subscription(self, run: StepRun) -> SubscriptionModel:
        """Relate process and subscription in the trail."""

        async def effect(connection: Connection) -> SubscriptionModel:
            stored = await self._ledger.held(connection, run)
            await processes.relate_subscription(
                connection, run.process.process_id, run.process.subscription_id
            )
            return stored.subscription

        return await self._ledger.commit(run, effect)

    @activity.defn
    async def initialize_subscription(self, step: InitializeSubscription) -> SubscriptionModel:
        """Fill the resource types from the form, set the description, go to `provisioning`.

        Raises:
            pydantic.ValidationError: when a value does not fit its resource type.
            LifecycleError: when a mandatory one is missing.
        """
        return await self._ledger.change(
            step.run, SubscriptionModel, lambda held: held.initialized(**step.values)
        )

    @activity.defn
    async def set_status(self, step: SetStatus) -> SubscriptionModel:
        """Go to another lifecycle state, with the date that belongs to it.

        Raises:
            LifecycleError: when the subscription cannot be in that state.
        """
        return await self._ledger.change(
            step.run, SubscriptionModel, lambda held: held.with_status(step.status, at=step.run.at)
        )

    @activity.defn
    async def resync(self, run: StepRun) -> SubscriptionModel:
        """Unlock the subscription and close the trail row: completed, or aborted by a roll-back."""
        status = ProcessStatus.ABORTED if run.rolling_back else ProcessStatus.COMPLETED

        async def effect(connection: Connection) -> SubscriptionModel:
            stored = await self._ledger.held(connection, run)
            unlocked = stored.subscription.released()
            await subscriptions.update_subscription(connection, unlocked)
            await processes.set_process_status(connection, run.process.process_id, status, ended_at=run.at)
            return unlocked

        return await self._ledger.commit(run, effect)

    @activity.defn
    async def begin_roll_back(self, step: BeginRollBack) -> RollBackBegun:
        """Ask what has committed; from now on no step can but those of the roll-back.

        Where the last step has committed, nothing is written: the process is completed.
        """
        run, process = step.run, step.run.process
        async with transaction(self._ledger.pool) as connection:
            await processes.register_process(connection, process)
            committed = await processes.committed_steps(
                connection, process.process_id, step.last_step, processes.ROLL_BACK
            )
            if processes.ROLL_BACK in committed:
                return RollBackBegun.model_validate_json(committed[processes.ROLL_BACK])
            if step.last_step in committed:
                completed = SubscriptionModel.model_validate_json(committed[step.last_step])
                return RollBackBegun(completed=completed, held=False)
            stored = await subscriptions.lock_subscription(connection, process.subscription_id)
            held = stored is not None and stored.subscription.held_by == process.process_id
            if held:
                await subscriptions.raise_fence(connection, process.subscription_id)
                await processes.relate_subscription(connection, process.process_id, process.subscription_id)
            begun = RollBackBegun(completed=None, held=held)
            await processes.insert_step(connection, process.process_id, processes.ROLL_BACK, begun, run.at)
            aborted = TrailEvent(
                event="abort requested", step=run.step, by=None, reason=step.reason, at=run.at
            )
            await processes.insert_event(connection, process.process_id, aborted, number=1)
            await processes.set_process_status(connection, process.process_id, ProcessStatus.RUNNING)
            return begun

    @activity.defn
    async def record_event(self, step: ProcessEvent) -> None:
        """Write into the trail that the process parked or was retried, and how it stands now; once."""
        run, process_id = step.run, step.run.process.process_id
        event = TrailEvent(event=step.event, step=run.step, by=step.by, reason=step.reason, at=run.at)
        async with transaction(self._ledger.pool) as connection:
            await processes.register_process(connection, run.process)
            if not await processes.insert_event(connection, process_id, event, step.number):
                return
            await processes.note_step(connection, process_id, run.step)
            match step.event:
                case "parked":
                    await processes.set_process_status(
                        connection, process_id, ProcessStatus.FAILED, failed_reason=step.reason
                    )
                case "retried":
                    await processes.set_process_status(connection, process_id, ProcessStatus.RUNNING)

    @activity.defn
    async def end_process(self, step: EndProcess) -> None:
        """Close the trail row; what the process holds, if anything, stays held."""
        run = step.run
        async with transaction(self._ledger.pool) as connection:
            await processes.register_process(connection, run.process)
            await processes.note_step(connection, run.process.process_id, run.step)
            await processes.set_process_status(
                connection,
                run.process.process_id,
                step.status,
                failed_reason=step.failed_reason,
                ended_at=run.at,
            )
