"""Every step commits its effect together with its ledger row, once; the rules of that are here."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel
from temporalio.exceptions import ApplicationError

from orchestrator.database import processes, subscriptions
from orchestrator.database.connection import Connection, Pool, transaction
from orchestrator.database.subscriptions import Stored
from orchestrator.domain.errors import AbortRequested, LifecycleError, NotHeldByThisProcess
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.messages import CheckResult, Ended, StepRun, Values

S = TypeVar("S", bound=SubscriptionModel)
R = TypeVar("R", bound=BaseModel)
Effect: TypeAlias = Callable[[Connection], Awaitable[R]]


@dataclass(frozen=True)
class Call(Generic[S]):
    """What a step needs to call an external system for the subscription that its process holds."""

    subscription: S
    token: int
    """The fencing token."""


class Ledger:
    """The steps that have committed, and the transactions that add to them."""

    def __init__(self, pool: Pool, is_abort_requested: Callable[[str], Awaitable[bool]]) -> None:
        """Take what says whether somebody has asked to abort the process of this id."""
        self.pool = pool
        self._is_abort_requested = is_abort_requested

    async def commit(self, run: StepRun, kind: type[R], effect: Effect[R]) -> R:
        """Run the effect and store its result, of this kind, under the step, in one transaction; once.

        Where the step has committed before, nothing is written and the stored result is returned: the
        subscription as it was at that moment.

        Raises:
            ProcessAlreadyExists: when the process id belongs to another execution.
            NotHeldByThisProcess: when the process is being rolled back and the step is no part of that.
            ApplicationError: when the process has ended: the error that it ended with.
        """
        async with transaction(self.pool) as connection:
            stored = await self._begin(connection, run, kind)
            if stored is not None:
                return stored
            result = await effect(connection)
            await processes.insert_step(connection, run.process.process_id, run.step, result, run.at)
            return result

    async def change(
        self, run: StepRun, kind: type[S], transform: Callable[[S], SubscriptionModel]
    ) -> SubscriptionModel:
        """Commit a step that makes another state of the subscription that its process holds.

        Raises:
            NotHeldByThisProcess: when the process does not hold the subscription.
            LifecycleError: when that is not of this kind now.
        """

        async def effect(connection: Connection) -> SubscriptionModel:
            stored = await self.held(connection, run)
            changed = transform(_of_kind(stored.subscription, kind))
            await subscriptions.update_subscription(connection, changed)
            return changed

        return await self.commit(run, SubscriptionModel, effect)

    async def call(self, run: StepRun, kind: type[S], result: type[R]) -> Call[S] | R:
        """Return what a step needs to call an external system; or its result, where it has committed.

        Args:
            kind: what the subscription must be.
            result: of which kind the result is.

        Raises:
            ProcessAlreadyExists, NotHeldByThisProcess, LifecycleError: as `commit` and `change`.
            AbortRequested: as `heed_abort`; the system is not called.
        """
        async with transaction(self.pool) as connection:
            committed = await self._begin(connection, run, result)
            if committed is not None:
                return committed
            stored = await self.held(connection, run)
            await self.heed_abort(run)
            await processes.note_step(connection, run.process.process_id, run.step)
            return Call(_of_kind(stored.subscription, kind), stored.fence)

    async def checked(self, run: StepRun, differences: tuple[str, ...]) -> CheckResult:
        """Commit a step that has compared the subscription with an external system.

        Raises:
            NotHeldByThisProcess: when the process does not hold the subscription.
        """

        async def effect(connection: Connection) -> CheckResult:
            stored = await self.held(connection, run)
            return CheckResult(subscription=stored.subscription, differences=differences)

        return await self.commit(run, CheckResult, effect)

    async def before_image(self, run: StepRun, kind: type[S]) -> S:
        """Return the subscription as it was when this process locked it.

        Raises:
            LifecycleError: when that was not of this kind.
        """
        async with self.pool.acquire() as connection:
            before = await processes.read_before_image(connection, run.process.process_id)
        assert before is not None  # who holds what it did not create has kept one
        return _of_kind(before, kind)

    async def heed_abort(self, run: StepRun) -> None:
        """Do nothing where nobody has asked to abort the process; else end the transaction that it stands in.

        The workflow itself hears of an abort only when its task ends, and the local steps that follow each
        other are one task: it would complete although the abort was accepted long before.

        Raises:
            AbortRequested: when somebody has, and the process can still heed it.
        """
        if run.heeds_abort and await self._is_abort_requested(run.process.process_id):
            raise AbortRequested(run.process.process_id)

    async def resolved(self, kind: type[SubscriptionModel], values: Values) -> dict[str, Any]:
        """Return these values of a block, with what they refer to by its id as it is now.

        Raises:
            SubscriptionNotFound: when they refer to what there is not.
        """
        async with self.pool.acquire() as connection:
            return await subscriptions.resolve_references(connection, kind, values)

    async def held(self, connection: Connection, run: StepRun) -> Stored:
        """Return the subscription of the process, locked until the transaction ends.

        Raises:
            NotHeldByThisProcess: when the process does not hold it.
        """
        process = run.process
        stored = await subscriptions.lock_subscription(connection, process.subscription_id)
        held_by = stored.subscription.held_by if stored else None
        if stored is None or held_by != process.process_id:
            raise NotHeldByThisProcess(process.process_id, process.subscription_id, held_by)
        return stored

    async def _begin(self, connection: Connection, run: StepRun, kind: type[R]) -> R | None:
        # Locks the trail row, so that two attempts of one step take turns: the second finds the first's row.
        process_id = run.process.process_id
        await processes.register_process(connection, run.process)
        committed = await processes.committed_steps(
            connection, process_id, run.step, processes.ROLL_BACK, processes.END
        )
        if run.step in committed:
            return kind.model_validate_json(committed[run.step])
        require_open(committed)
        if processes.ROLL_BACK in committed and not run.rolling_back:
            raise NotHeldByThisProcess(process_id, run.process.subscription_id, "its own roll-back")
        return None


def require_open(committed: Mapping[str, str]) -> None:
    """Do nothing where the process has not ended before its last step.

    After a crash, or an abort in that moment, the steps of its last workflow task run again: what refused it
    may have passed meanwhile, but it has ended, and the trail says so.

    Raises:
        ApplicationError: the error that it ended with.
    """
    if processes.END in committed:
        ended = Ended.model_validate_json(committed[processes.END])
        raise ApplicationError(ended.failed_reason, type=ended.error_type, non_retryable=True)


def _of_kind(subscription: SubscriptionModel, kind: type[S]) -> S:
    if not isinstance(subscription, kind):
        raise LifecycleError(
            f"Subscription {subscription.subscription_id} is {subscription.status}, no {kind.__name__}"
        )
    return subscription
