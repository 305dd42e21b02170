"""What the domain refuses, and why: one class a fact, whose name programs rely on."""

from uuid import UUID


class DomainError(Exception):
    """Something that is final: the same request gives the same answer, however often it is made."""


class LifecycleError(DomainError):
    """A subscription cannot be in the lifecycle state that was asked for."""


class InvalidInput(DomainError):
    """The input does not fit its form; nothing was written."""


class ProductNotFound(DomainError):
    """No product has this name or id; nothing was written."""

    def __init__(self, product: str, known: list[str]) -> None:
        super().__init__(
            f"Product not found: {product!r}; give one of {', '.join(known)}, or the UUID of one"
        )


class ProcessAlreadyExists(DomainError):
    """The process id belongs to another execution, which may be over for longer than Temporal remembers."""

    def __init__(self, process_id: str) -> None:
        super().__init__(
            f'Process "{process_id}" already exists; show it with "starter.py process {process_id}", '
            "or choose another process id"
        )


class NotHeldByThisProcess(DomainError):
    """A step of a process that does not hold the subscription, or that is being rolled back."""

    def __init__(self, process_id: str, subscription_id: UUID | None, held_by: str | None) -> None:
        holder = f"held by {held_by}" if held_by else "held by no process"
        super().__init__(
            f'Process "{process_id}" does not hold subscription {subscription_id} ({holder}); '
            "nothing was changed"
        )


class AbortRequested(DomainError):
    """Somebody has asked to abort the process: the step has no effect, and the roll-back begins."""

    def __init__(self, process_id: str) -> None:
        super().__init__(f'An abort of process "{process_id}" was requested; this step changed nothing')


class GateRefusal(DomainError):
    """The in-sync gate refuses a process; the process leaves nothing but its own row in the trail."""


class RequestRejected(DomainError):
    """An external system says no to this request, and will say no again: the process parks."""


class StaleToken(DomainError):
    """An external system has seen a higher fencing token: the caller has lost its hold since."""
