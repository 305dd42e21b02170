"""How a process ends: which errors end it, and what it shows and records then."""

import asyncio
from typing import NoReturn

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from orchestrator.domain.comparison import DiscrepancyFound
    from orchestrator.domain.errors import (
        GateRefusal,
        InvalidInput,
        NotHeldByThisProcess,
        ProcessAlreadyExists,
        ProcessCleanedUp,
        ProductNotFound,
    )
    from orchestrator.domain.markdown import quoted
    from orchestrator.domain.process import ProcessStatus
    from orchestrator.process.details import Details
    from orchestrator.process.messages import CheckResult, StepRun
    from orchestrator.process.trail import Trail

REFUSALS = frozenset(refusal.__name__ for refusal in GateRefusal.__subclasses__())
WITHOUT_ROW = frozenset({InvalidInput.__name__, ProductNotFound.__name__, ProcessAlreadyExists.__name__})
"""Errors of the first step that leave no row in the trail."""
CLEANED_UP = ProcessCleanedUp.__name__
"""Its row in the trail says how it has ended, or a summary has replaced it."""
ENDS = REFUSALS | WITHOUT_ROW | {NotHeldByThisProcess.__name__, CLEANED_UP}
"""Errors that end a process at once; every other final error parks it."""

GIVEN_UP = "GivenUp"
"""The type of the error of a process whose roll-back was given up."""
ENDED = frozenset({ProcessStatus.COMPLETED, ProcessStatus.ABORTED, ProcessStatus.REFUSED})
"""The statuses of a process that has certainly ended; `failed` may also mean that it is parked."""


class Endings:
    """Ends one process: records how, shows it, and waits until every update was answered."""

    def __init__(self, details: Details, trail: Trail) -> None:
        self._details = details
        self._trail = trail

    async def complete(self) -> None:
        """End a process whose last step has committed."""
        await self._end(ProcessStatus.COMPLETED)

    async def abort(self, reason: str) -> NoReturn:
        """End a process that was rolled back.

        Raises:
            asyncio.CancelledError: always; Temporal shows the process as canceled.
        """
        self._details.notice = f"Aborted, and rolled back.\n\n{quoted(reason or 'no reason given')}"
        await self._end(ProcessStatus.ABORTED)
        raise asyncio.CancelledError

    async def fail(self, error: ApplicationError, run: StepRun, *, first: bool) -> None:
        """End a process by an error, unless it has ended already.

        Args:
            run: the step that the process has come to.
            first: whether this is its first step: some errors leave no row then.
        """
        if error.type == GIVEN_UP or self._details.status in ENDED:
            return
        refused = error.type in REFUSALS or error.type == InvalidInput.__name__
        status = ProcessStatus.REFUSED if refused else ProcessStatus.FAILED
        if error.type != CLEANED_UP and not (first and error.type in WITHOUT_ROW):
            await self._trail.end(status, run, error.message, error.type)
        self._details.notice = quoted(error.message)
        await self._end(status)

    async def find_discrepancy(self, found: CheckResult) -> NoReturn:
        """End a validation that found differences; its last step has closed the trail row.

        Raises:
            ApplicationError: (DiscrepancyFound) always.
        """
        message = str(DiscrepancyFound(found.subscription, found.differences))
        self._details.notice = (
            f"{quoted(message)}\n\nRepair what differs, then validate the subscription again."
        )
        await self._end(ProcessStatus.FAILED)
        raise ApplicationError(message, type=DiscrepancyFound.__name__, non_retryable=True)

    async def give_up(self, failure: str, run: StepRun) -> NoReturn:
        """End a parked process that an operator gave up.

        Args:
            failure: why it was parked.
            run: the step of the sequence that the process has come to.

        Raises:
            ApplicationError: (GivenUp) always.
        """
        await self._trail.end(ProcessStatus.FAILED, run, failure, GIVEN_UP)
        subscription_id = self._trail.process.subscription_id
        self._details.notice = (
            f"Given up; the subscription stays out of sync.\n\n{quoted(failure)}\n\nRepair the external "
            f"system by hand, then set the subscription in sync: `set-in-sync {subscription_id}`. "
            "If it is not active, terminate it."
        )
        await self._end(ProcessStatus.FAILED)
        raise ApplicationError(failure, type=GIVEN_UP, non_retryable=True)

    async def _end(self, status: ProcessStatus) -> None:
        self._details.show_end(status)
        await workflow.wait_condition(workflow.all_handlers_finished)
