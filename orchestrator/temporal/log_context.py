"""What a log line says about the process that it belongs to."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from types import MappingProxyType
from typing import TypeAlias
from uuid import UUID

from temporalio import activity, workflow

from orchestrator import traces
from orchestrator.domain.process import Process
from orchestrator.temporal import search_attributes

Fields: TypeAlias = Mapping[str, str | int]

_of_activity: ContextVar[Fields] = ContextVar("_of_activity", default=MappingProxyType({}))


def enter_activity(arguments: Sequence[object]) -> None:
    """Name the process of this activity in each line that is logged from now on, by whomever.

    The SDK runs each activity in its own task, so nobody has to leave: what the SDK logs about the end of the
    activity belongs to it, too.

    Args:
        arguments: the input of the activity; that of a step says which step of which process runs.
    """
    info = activity.info()
    fields = _known(
        process_id=info.workflow_id,
        run_id=info.workflow_run_id,
        workflow=info.workflow_type,
        step=info.activity_type,
        attempt=info.attempt,
        trace_id=traces.current_trace_id(),
    )
    _of_activity.set(fields | _of_input(arguments[0] if arguments else None))


def current_fields() -> Fields:
    """Return the fields of a line that is logged now; none outside of workflows and activities."""
    return _of_workflow() if workflow.in_workflow() else _of_activity.get()


def _of_input(given: object) -> dict[str, str | int]:
    run = getattr(given, "run", given)
    process = getattr(run, "process", None)
    if isinstance(process, Process):
        return _known(
            target=process.target.value,
            subscription_id=str(process.subscription_id),
            step=getattr(run, "step", None),
        )
    subscription_id = getattr(given, "subscription_id", None)
    return {"subscription_id": str(subscription_id)} if isinstance(subscription_id, UUID) else {}


def _of_workflow() -> Fields:
    info = workflow.info()
    attributes = info.typed_search_attributes
    return _known(
        process_id=info.workflow_id,
        run_id=info.run_id,
        workflow=info.workflow_type,
        target=attributes.get(search_attributes.TARGET),
        subscription_id=attributes.get(search_attributes.SUBSCRIPTION_ID),
        trace_id=traces.current_trace_id(),
    )


def _known(**fields: str | int | None) -> dict[str, str | int]:
    return {name: value for name, value in fields.items() if value is not None}
