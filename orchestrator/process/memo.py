"""What a workflow that continues as new carries in its memo from one run to the next."""

from typing import TypeVar

from pydantic import BaseModel
from temporalio import workflow

M = TypeVar("M", bound=BaseModel)


def carried(name: str, otherwise: M) -> M:
    """Return what the run before has carried; `otherwise` where this is the first run.

    Who starts a workflow may give it a memo, too: in the first run it counts for nothing.
    """
    if not is_continued():
        return otherwise
    return workflow.memo_value(name, otherwise, type_hint=type(otherwise))


def is_continued() -> bool:
    """Return whether another run has continued as this one."""
    return workflow.info().continued_run_id is not None
