"""The generic steps: those that touch the subscription and its trail, whatever the product."""

from temporalio import activity

from orchestrator.database import processes, relations, subscriptions
from orchestrator.database.connection import Connection
from orchestrator.domain.changes import require_unchanged
from orchestrator.domain.gate import SubscriptionNotFound, judge, judge_joins
from orchestrator.domain.process import Course, ProcessStatus, Target
from orchestrator.domain.subscription import Status, SubscriptionModel
from orchestrator.process.ledger import Ledger
from orchestrator.process.messages import (
    CheckResult,
    Conclude,
    CreateSubscription,
    InitializeSubscription,
    LockSubscription,
    SetStatus,
    StepRun,
)


class SubscriptionActivities:
    """The generic steps. Every one is idempotent: a step that has committed has no effect again."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn
    async def create_subscription(self, step: CreateSubscription) -> SubscriptionModel:
        """Insert the virgin subscription, held by this process, with its relations.

        Raises:
            ProductNotFound: when no product has this name or UUID.
            GateRefusal: when a subscription that it joins does not exist, is not active or is out of sync.
            LifecycleError: when a value is missing that is mandatory in `initial`.
        """
        process = step.run.process

        async def effect(connection: Connection) -> SubscriptionModel:
            product_id, product_type = await subscriptions.find_product(
                connection, step.product, step.product_type
            )
            joins = await relations.lock_joins(connection, relations.joined_by(product_type, step.values))
            judge_joins(joins)
            kind = SubscriptionModel.stage(product_type, Status.INITIAL)
            virgin = kind.from_product_id(
                product_id,
                step.customer_id,
                subscription_id=process.subscription_id,
                held_by=process.process_id,
                **await subscriptions.resolve_references(connection, kind, step.values),
            )
            await subscriptions.insert_subscription(connection, product_id, virgin, step.run.at)
            await relations.relate(connection, process.subscription_id, joins)
            return virgin

        return await self._ledger.commit(step.run, SubscriptionModel, effect)

    @activity.defn
    async def store_process_subscription(self, run: StepRun) -> SubscriptionModel:
        """Relate process and subscription in the trail.

        Raises:
            SubscriptionNotFound: when there is no such subscription.
        """
        process = run.process

        async def effect(connection: Connection) -> SubscriptionModel:
            if process.target is Target.CREATE:
                stored = await self._ledger.held(connection, run)
            else:  # held from the next step on
                found = await subscriptions.read_subscription(connection, process.subscription_id)
                if found is None:
                    raise SubscriptionNotFound(process.subscription_id)
                stored = found
            await processes.relate_subscription(connection, process.process_id, process.subscription_id)
            return stored.subscription

        return await self._ledger.commit(run, SubscriptionModel, effect)

    @activity.defn
    async def unsync(self, step: LockSubscription) -> SubscriptionModel:
        """Lock the subscription for this process, if the gate lets it start; keep the before-image.

        A modify takes its new relations here and drops the old ones when it unlocks: meanwhile both groups
        of a user are in use.

        Raises:
            GateRefusal: the first refusal that applies.
            InvalidInput: when the input changes a value that cannot be changed.
        """
        process = step.run.process

        async def effect(connection: Connection) -> SubscriptionModel:
            joined = relations.joined_by(step.product_type, step.values)
            subject = await relations.lock_subject(connection, process.subscription_id, joined)
            subscription = subject.subscription
            if subscription.held_by == process.process_id:
                return subscription
            judge(subject, process.target, step.product_type, step.version)
            require_unchanged(subscription, step.unchangeable)
            await processes.keep_before_image(connection, process.process_id, subscription)
            held = subscription.held(process.process_id)
            await subscriptions.update_subscription(connection, held)
            await subscriptions.raise_fence(connection, process.subscription_id)
            await relations.relate(connection, process.subscription_id, subject.joins)
            return held

        return await self._ledger.commit(step.run, SubscriptionModel, effect)

    @activity.defn
    async def initialize_subscription(self, step: InitializeSubscription) -> SubscriptionModel:
        """Fill the resource types from the form, set the description, and go to `provisioning`.

        Raises:
            pydantic.ValidationError: when a value does not fit its resource type.
            LifecycleError: when a mandatory value is missing.
        """
        return await self._ledger.change(
            step.run, SubscriptionModel, lambda held: held.initialized(**step.values)
        )

    @activity.defn
    async def set_status(self, step: SetStatus) -> SubscriptionModel:
        """Go to another lifecycle state, and set the date that belongs to it.

        Raises:
            LifecycleError: when the subscription cannot be in that state.
        """
        return await self._ledger.change(
            step.run, SubscriptionModel, lambda held: held.with_status(step.status, at=step.run.at)
        )

    @activity.defn
    async def restore_subscription(self, run: StepRun) -> SubscriptionModel:
        """Restore the content that the subscription had when this process locked it."""

        async def effect(connection: Connection) -> SubscriptionModel:
            stored = await self._ledger.held(connection, run)
            before = await processes.read_before_image(connection, run.process.process_id)
            assert before is not None  # a process that holds what it did not create has kept one
            restored = stored.subscription.restored(before)
            await subscriptions.update_subscription(connection, restored)
            return restored

        return await self._ledger.commit(run, SubscriptionModel, effect)

    @activity.defn
    async def resync(self, run: StepRun) -> SubscriptionModel:
        """Unlock the subscription and close the trail row: completed, or aborted by a roll-back.

        Relations to what it no longer refers to are dropped. The version grows if a process on an existing
        subscription has changed its values or status.

        Raises:
            AbortRequested: when an abort was requested and the process goes forward.
        """
        status = ProcessStatus.ABORTED if run.course is Course.BACKWARD else ProcessStatus.COMPLETED
        process_id = run.process.process_id

        async def effect(connection: Connection) -> SubscriptionModel:
            stored = await self._ledger.held(connection, run)
            unlocked = await relations.let_go(connection, stored.subscription, process_id)
            await processes.set_process_status(connection, process_id, status, ended_at=run.at)
            return unlocked

        return await self._ledger.commit(run, SubscriptionModel, effect, unlocks=True)

    @activity.defn
    async def conclude_validation(self, step: Conclude) -> CheckResult:
        """Unlock the subscription, in sync or with the discrepancy that was found; close the trail row.

        Raises:
            AbortRequested: when an abort was requested.
        """
        run, process_id = step.run, step.run.process.process_id

        async def effect(connection: Connection) -> CheckResult:
            stored = await self._ledger.held(connection, run)
            committed = await processes.committed_steps(connection, process_id, step.check)
            differences = CheckResult.model_validate_json(committed[step.check]).differences
            found_by = process_id if differences else None
            unlocked = stored.subscription.released().found_different(found_by)
            await relations.release_subscription(connection, unlocked)
            await processes.set_process_status(
                connection,
                process_id,
                ProcessStatus.FAILED if differences else ProcessStatus.COMPLETED,
                failed_reason="; ".join(differences) or None,
                ended_at=run.at,
            )
            return CheckResult(subscription=unlocked, differences=differences)

        return await self._ledger.commit(run, CheckResult, effect, unlocks=True)
