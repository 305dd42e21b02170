"""What a process is: one run of a workflow on a subscription."""

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict

_SUBSCRIPTIONS = UUID("6f1d4f0e-8d0b-5a51-9a53-0c5f7c7a2b11")
_CUSTOMERS = UUID("0b9a4a53-62a5-5b3c-8b58-3f0a5a0f4c22")


class Target(StrEnum):
    """What a process does to its subscription."""

    CREATE = "CREATE"
    MODIFY = "MODIFY"
    TERMINATE = "TERMINATE"
    VALIDATE = "VALIDATE"


class ProcessStatus(StrEnum):
    """How a process stands, in the trail and in the search attribute of that name."""

    RUNNING = "running"
    FAILED = "failed"  # parked on a failed step, or ended by a discrepancy or by giving up
    COMPLETED = "completed"
    ABORTED = "aborted"
    REFUSED = "refused"  # by the in-sync gate
    LOST = "lost"  # its execution closed without saying how


class Course(StrEnum):
    """Which way a process goes."""

    FORWARD = "forward"  # an abort turns it back
    FORWARD_ONLY = "forward only"  # aborted after its pivot: it runs to its end
    BACKWARD = "backward"  # aborted before its pivot: it is rolled back


Event = Literal["parked", "retried", "abort requested", "given up", "set in sync"]
"""What can happen to a process on its way, for the trail."""


class Process(BaseModel):
    """The identity of a process, as every step carries it into the database."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    process_id: str
    """Temporal's workflow id."""
    first_execution_run_id: str
    """The run id of the first execution of the chain: tells a second process of the same id from a
    continued or reset one."""
    workflow: str
    target: Target
    subscription_id: UUID
    """The subscription that it works on, or is about to create."""
    by: str | None = None
    reason: str | None = None
    started_at: datetime


def created_subscription_id(process_id: str) -> UUID:
    """The id of the subscription that a create process makes: the same at every attempt."""
    return uuid5(_SUBSCRIPTIONS, process_id)


def faked_customer_id(process_id: str) -> UUID:
    """A customer for who gave none: there is no CRM. The same at every attempt."""
    return uuid5(_CUSTOMERS, process_id)
