"""A step that fails for now tells its process that it waits, so that an outage can be seen and searched."""

from contextlib import suppress
from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

SIGNAL = "waiting"

TOLD_AT = frozenset({3, 10, 30, 100, 300, 1_000, 3_000, 10_000})
"""Attempts that are told: the first two may fail by chance, and an outage of a day makes few events."""

PATIENCE = timedelta(seconds=2)


class Waiting(BaseModel):
    """What a step tells its process: why it fails for now."""

    model_config = ConfigDict(frozen=True)

    activity: str
    attempt: int
    reason: str


async def tell_waiting(error: Exception) -> None:
    """Signal the process of this activity that an attempt has failed for a passing reason.

    Only some attempts are told. A local activity does not wait. If Temporal does not answer, nothing is told.
    """
    info = activity.info()
    final = isinstance(error, ApplicationError) and error.non_retryable
    if final or info.is_local or info.workflow_id is None or info.attempt not in TOLD_AT:
        return
    reason = str(error) or type(error).__name__
    told = Waiting(activity=info.activity_type, attempt=info.attempt, reason=reason)
    process = activity.client().get_workflow_handle(info.workflow_id, run_id=info.workflow_run_id)
    with suppress(RPCError):
        await process.signal(SIGNAL, told, rpc_timeout=PATIENCE)
