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
    """The status of a process, in the trail and in the search attribute `ProcessStatus`."""

    SCHEDULED = "scheduled"  # not in the trail: Temporal will start it later
    RUNNING = "running"
    FAILED = "failed"  # parked on a failed step, or ended by a discrepancy or a give-up
    COMPLETED = "completed"
    ABORTED = "aborted"
    REFUSED = "refused"  # by the in-sync gate
    LOST = "lost"  # Temporal closed its execution before it recorded how it ended


class Course(StrEnum):
    """Which way a process goes."""

    FORWARD = "forward"  # an abort turns it back
    FORWARD_ONLY = "forward only"  # aborted after its pivot: it runs to its end
    BACKWARD = "backward"  # aborted before its pivot: it is rolled back


Event = Literal["parked", "retried", "adopted", "abort requested", "given up", "set in sync", "noted"]
"""An event of a process, as the trail records it."""


class Process(BaseModel):
    """The identity of a process; every step passes it to the database."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    process_id: str
    """Temporal's workflow id."""
    first_execution_run_id: str
    """Temporal's run id of the first run. A continued or reset process keeps it; another process with the
    same id has a different one."""
    workflow: str
    target: Target
    subscription_id: UUID
    """The subscription that it changes or is about to create."""
    by: str | None = None
    reason: str | None = None
    started_at: datetime


def created_subscription_id(process_id: str) -> UUID:
    """Return the id of the subscription that a create process makes; it is the same at every attempt."""
    return uuid5(_SUBSCRIPTIONS, process_id)


def faked_customer_id(process_id: str) -> UUID:
    """Return a made-up customer id, as there is no CRM; it is the same at every attempt."""
    return uuid5(_CUSTOMERS, process_id)
