"""Which final errors of a step end its process, and which of them leave no row in the trail."""

from orchestrator.domain.errors import (
    GateRefusal,
    InvalidInput,
    NotHeldByThisProcess,
    ProcessAlreadyExists,
    ProductNotFound,
)
from orchestrator.domain.process import ProcessStatus

REFUSALS = frozenset(refusal.__name__ for refusal in GateRefusal.__subclasses__())
WITHOUT_ROW = frozenset({InvalidInput.__name__, ProductNotFound.__name__, ProcessAlreadyExists.__name__})
"""Errors of the first step of a process that must leave no row, or that has none of its own."""
ENDS = REFUSALS | WITHOUT_ROW | {NotHeldByThisProcess.__name__}
"""Errors that end a process at once; every other final one parks it."""

GIVEN_UP = "GivenUp"
"""The type of the error of a process whose roll-back was given up."""
ENDED = frozenset({ProcessStatus.COMPLETED, ProcessStatus.ABORTED, ProcessStatus.REFUSED})
"""How a process can have ended, beside `failed`, which may also mean that it is parked."""
