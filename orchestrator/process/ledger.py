"""Every step commits its effect together with its ledger row, once; the rules of that are here."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel
from temporalio.service import RPCError

from orchestrator.database import processes, subscriptions
from orchestrator.database.connection import Connection, Pool, transaction
from orchestrator.database.processes import TrailEvent
from orchestrator.database.subscriptions import Stored
from orchestrator.domain.errors import AbortRequested, LifecycleError, NotHeldByThisProcess, NothingToAdopt
from orchestrator.domain.process import Course, Process, ProcessStatus
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.messages import Adoption, CheckResult, StepRun, Values, end_of
from orchestrator.process.page import Page, require_open, require_remembered
from orchestrator.temporal.metrics import ENDED, SILENT, Metrics

log = logging.getLogger("worker")

S = TypeVar("S", bound=SubscriptionModel)
R = TypeVar("R", bound=BaseModel)
Effect: TypeAlias = Callable[[Connection], Awaitable[R]]
Change: TypeAlias = Callable[[S], SubscriptionModel]
"""Returns the subscription as the step leaves it, from the one that its process holds."""
Adopt: TypeAlias = Callable[[S, int], Awaitable[Change[S]]]
"""Tells an external system the fencing token, and returns the change that fits what it has.

Raises `NothingToAdopt` if nothing fits.
"""
Conclusion: TypeAlias = Callable[[S], R]
"""Returns the result of a step from the subscription that its process holds."""

Moment = Literal["before the effect", "before the commit", "after the commit"]
AtMoment: TypeAlias = Callable[[StepRun, Moment], Awaitable[None]]
"""Called at each moment of each step; tests act there."""


async def do_nothing(run: StepRun, moment: Moment) -> None:
    """Do nothing at this moment."""


def unchanged(held: S) -> S:
    """Return the subscription unchanged: what a step commits that changed only the external system."""
    return held


class Ledger:
    """The steps that have committed, and the transactions that add to them."""

    def __init__(
        self,
        pool: Pool,
        is_abort_requested: Callable[[str], Awaitable[bool]],
        at_moment: AtMoment = do_nothing,
        metrics: Metrics = SILENT,
    ) -> None:
        """Create a ledger.

        Args:
            is_abort_requested: asks Temporal whether an abort of the process with this id was requested;
                raises RPCError if Temporal does not answer.
            at_moment: called at each moment of each step; what it raises ends the attempt.
        """
        self.pool = pool
        self._metrics = metrics
        self._is_abort_requested = is_abort_requested
        self._at_moment = at_moment

    @asynccontextmanager
    async def open(self, run: StepRun, *steps: str) -> AsyncIterator[Page]:
        """Open the transaction of a step; commit it at the end.

        The trail row is inserted or locked, so that two attempts of one step take turns: the second finds
        the ledger row of the first.

        Args:
            steps: the ledger rows to read.

        Raises:
            ProcessAlreadyExists: when the process id belongs to another execution.
        """
        async with transaction(self.pool) as connection:
            await processes.register_process(connection, run.process)
            yield Page(
                connection, await processes.committed_steps(connection, run.process.process_id, *steps)
            )

    async def commit(self, run: StepRun, kind: type[R], effect: Effect[R], *, unlocks: bool = False) -> R:
        """Run the effect and store its result under the step, in one transaction, once.

        A step that has committed before writes nothing and returns its stored result: the subscription as
        it was then.

        Args:
            kind: the type of the result.
            unlocks: whether the step unlocks the subscription: it is the last that an abort can stop.

        Raises:
            AbortRequested: when the step unlocks and an abort was requested.
            ProcessAlreadyExists: when the process id belongs to another execution.
            NotHeldByThisProcess: when the roll-back has begun and the step is no part of it.
            ApplicationError: when the process has ended; the error that it ended with.
        """
        await self._at_moment(run, "before the effect")
        if unlocks:
            await self._stop_if_aborted(run, required=False)
        return await self._commit(run, kind, effect, unlocks=unlocks)

    def count_end(self, process: Process, status: ProcessStatus) -> None:
        """Count a process whose end has just committed."""
        self._metrics.count(ENDED, process.workflow, process.target, status)

    async def change(self, run: StepRun, kind: type[S], change: Change[S]) -> SubscriptionModel:
        """Commit a step that only changes the subscription that its process holds.

        Raises:
            NotHeldByThisProcess: when the process does not hold the subscription.
            LifecycleError: when the subscription is not of this kind now.
        """
        return await self.commit(run, SubscriptionModel, self._storing(run, kind, change))

    async def call(
        self,
        run: StepRun,
        kind: type[S],
        call: Callable[[S, int], Awaitable[Change[S]]],
        *,
        adopt: Adopt[S] | None = None,
    ) -> SubscriptionModel:
        """Call an external system for the subscription that the process holds, and commit the change.

        A step that has committed before does not call again. A worker that dies between the call and the
        commit makes the call again: it must be idempotent.

        Args:
            kind: what the subscription must be.
            call: makes the call with the fencing token, and returns the change to commit.
            adopt: looks at what the system has instead, if a person says that the work was done by hand.

        Raises:
            NothingToAdopt: when the system has nothing that fits, or the step cannot look.
            AbortRequested: when an abort was requested; the system is not called.
            ProcessAlreadyExists, NotHeldByThisProcess, LifecycleError: as `commit` and `change`.
            RPCError: when Temporal does not say whether an abort was requested.
        """
        return await self._call(run, kind, SubscriptionModel, call, adopt)

    async def check(
        self, run: StepRun, kind: type[S], find: Callable[[S], Awaitable[tuple[str, ...]]]
    ) -> CheckResult:
        """Compare the subscription with an external system, and commit the differences.

        Args:
            find: returns a sentence for each difference.

        Raises:
            as `call`.
        """

        async def compare(held: S, token: int) -> Conclusion[S, CheckResult]:
            differences = await find(held)
            return lambda held: CheckResult(subscription=held, differences=differences)

        return await self._call(run, kind, CheckResult, compare)

    async def before_image(self, run: StepRun, kind: type[S]) -> S:
        """Return the subscription as it was when this process locked it.

        Raises:
            LifecycleError: when it was not of this kind.
        """
        async with self.pool.acquire() as connection:
            before = await processes.read_before_image(connection, run.process.process_id)
        assert before is not None  # a process that holds what it did not create has kept one
        return _of_kind(before, kind)

    async def resolved(self, kind: type[SubscriptionModel], values: Values) -> dict[str, Any]:
        """Return these values of a block; a reference by id becomes the referenced block as it is now.

        Raises:
            SubscriptionNotFound: when a referenced subscription does not exist.
        """
        async with self.pool.acquire() as connection:
            return await subscriptions.resolve_references(connection, kind, values)

    async def held(self, connection: Connection, run: StepRun) -> Stored:
        """Return the subscription of the process, locked until the transaction ends.

        Raises:
            NotHeldByThisProcess, DatabaseIsOlder: when the process does not hold it, or never did.
        """
        process = run.process
        stored = await subscriptions.lock_subscription(connection, process.subscription_id)
        held_by = stored.subscription.held_by if stored else None
        if stored is None or held_by != process.process_id:
            await require_remembered(connection, process, exists=stored is not None)
            raise NotHeldByThisProcess(process.process_id, process.subscription_id, held_by)
        return stored

    async def _call(
        self,
        run: StepRun,
        kind: type[S],
        result: type[R],
        call: Callable[[S, int], Awaitable[Conclusion[S, R]]],
        adopt: Callable[[S, int], Awaitable[Conclusion[S, R]]] | None = None,
    ) -> R:
        await self._at_moment(run, "before the effect")
        # Before the transaction: a slow Temporal must not hold rows.
        await self._stop_if_aborted(run, required=True)
        async with self._open_step(run) as page:
            if run.step in page.results:
                return result.model_validate_json(page.results[run.step])
            stored = await self.held(page.connection, run)
            held = _of_kind(stored.subscription, kind)
            await processes.note_step(page.connection, run.process.process_id, run.step)
        if run.adoption is None:
            conclude = await call(held, stored.fence)
        elif adopt is None:
            raise NothingToAdopt(["this step changes nothing that could be done by hand"])
        else:
            conclude = await adopt(held, stored.fence)
        return await self._commit(run, result, self._storing(run, kind, conclude))

    async def _commit(self, run: StepRun, kind: type[R], effect: Effect[R], *, unlocks: bool = False) -> R:
        async with self._open_step(run) as page:
            if run.step in page.results:
                return kind.model_validate_json(page.results[run.step])
            result = await effect(page.connection)
            await processes.insert_step(page.connection, run.process.process_id, run.step, result, run.at)
            if run.adoption is not None:
                await self._record_adoption(page.connection, run, run.adoption)
            await self._at_moment(run, "before the commit")
        if unlocks:
            self.count_end(run.process, end_of(run, result))
        log.log(logging.INFO if unlocks else logging.DEBUG, "unlocked" if unlocks else "committed")
        await self._at_moment(run, "after the commit")
        return result

    async def _record_adoption(self, connection: Connection, run: StepRun, adoption: Adoption) -> None:
        adopted = TrailEvent(event="adopted", step=run.step, at=run.at, **adoption.model_dump())
        await processes.append_event(connection, run.process.process_id, adopted)

    @asynccontextmanager
    async def _open_step(self, run: StepRun) -> AsyncIterator[Page]:
        async with self.open(run, run.step, processes.ROLL_BACK, processes.END) as page:
            if run.step not in page.results:
                require_open(page)
                if processes.ROLL_BACK in page.results and run.course is not Course.BACKWARD:
                    process = run.process
                    raise NotHeldByThisProcess(
                        process.process_id, process.subscription_id, "its own roll-back"
                    )
            yield page

    def _storing(self, run: StepRun, kind: type[S], conclude: Conclusion[S, R]) -> Effect[R]:
        async def effect(connection: Connection) -> R:
            stored = await self.held(connection, run)
            result = conclude(_of_kind(stored.subscription, kind))
            if isinstance(result, SubscriptionModel) and result != stored.subscription:
                await subscriptions.update_subscription(connection, result)
            return result

        return effect

    async def _stop_if_aborted(self, run: StepRun, *, required: bool) -> None:
        """Raise `AbortRequested` if an abort was requested and the process goes forward.

        The workflow hears of an abort only when its task ends, and consecutive local steps are one task:
        the process would complete although the abort was accepted long before.

        Args:
            required: whether the step must wait for Temporal's answer. A step that only unlocks does not:
                nothing begins after it, and an abort that comes too late says so.
        """
        if run.course is not Course.FORWARD:
            return
        try:
            requested = await self._is_abort_requested(run.process.process_id)
        except RPCError:
            if required:
                raise
            return
        if requested:
            raise AbortRequested(run.process.process_id)


def _of_kind(subscription: SubscriptionModel, kind: type[S]) -> S:
    if not isinstance(subscription, kind):
        raise LifecycleError(
            f"Subscription {subscription.subscription_id} is {subscription.status}, no {kind.__name__}"
        )
    return subscription
