"""The errors of the domain. Programs rely on the class names."""

from collections.abc import Sequence
from uuid import UUID


class DomainError(Exception):
    """A final error: the same request fails again, however often it is repeated."""


class LifecycleError(DomainError):
    """The subscription cannot enter this lifecycle state."""


class InvalidInput(DomainError):
    """The input does not fit its form; nothing was written."""


class UnknownWorkflowType(DomainError):
    """The worker has no workflow of this type; nothing was written."""

    def __init__(self, workflow_type: str, known: list[str]) -> None:
        super().__init__(f"There is no workflow type {workflow_type!r}; give one of {', '.join(known)}")


class ProductNotFound(DomainError):
    """No product has this name or id; nothing was written."""

    def __init__(self, product: str, known: list[str]) -> None:
        super().__init__(
            f"Product not found: {product!r}; give one of {', '.join(known)}, or the UUID of one"
        )


class ProcessAlreadyExists(DomainError):
    """The process id belongs to another execution, perhaps one that Temporal no longer remembers."""

    def __init__(self, process_id: str) -> None:
        super().__init__(
            f'Process "{process_id}" already exists; show it with "starter.py process {process_id}", '
            "or choose another process id"
        )


class ProcessCleanedUp(DomainError):
    """The process ended long ago, and clean-up has dropped its results: no step of it runs again."""

    def __init__(self, process_id: str) -> None:
        super().__init__(
            f'Process "{process_id}" ended long ago and was cleaned up, so it cannot go on; nothing was '
            "changed. Start a new process instead"
        )


class NotHeldByThisProcess(DomainError):
    """The process of this step does not hold the subscription, or is being rolled back."""

    def __init__(self, process_id: str, subscription_id: UUID | None, held_by: str | None) -> None:
        holder = f"held by {held_by}" if held_by else "held by no process"
        super().__init__(
            f'Process "{process_id}" does not hold subscription {subscription_id} ({holder}); '
            "nothing was changed"
        )


class DatabaseIsOlder(Exception):
    """The database lacks steps that the process has done: it was restored to an earlier moment.

    Not final: the process waits until a person has it run again.
    """

    def __init__(self, process_id: str) -> None:
        super().__init__(
            f'The database does not know that process "{process_id}" has locked its subscription: it is '
            "older than the process; nothing was changed. If it was restored, run "
            '"python -m cli.restored TIME"'
        )


class AbortRequested(DomainError):
    """An abort of the process was requested: the step has no effect, and the roll-back begins."""

    def __init__(self, process_id: str) -> None:
        super().__init__(f'An abort of process "{process_id}" was requested; this step changed nothing')


class GateRefusal(DomainError):
    """The in-sync gate refuses the process, which leaves only its own row in the trail."""


class RequestRejected(DomainError):
    """An external system rejects the request for good: the process parks."""


class NothingToAdopt(DomainError):
    """The external system has not what the step was to bring about; nothing was changed."""

    def __init__(self, differences: Sequence[str]) -> None:
        super().__init__(
            f"There is nothing fitting to adopt: {'; '.join(differences)}. Nothing was changed; "
            "repair it in the external system and adopt it then, or retry the step"
        )


class StaleToken(DomainError):
    """An external system has seen a higher fencing token: the caller no longer holds the subscription."""
