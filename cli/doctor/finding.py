"""What a check has found, and what to do about it."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

from cli.doctor.site import Site


class Result(StrEnum):
    """How a check has ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"
    """The question could not be asked; the fact says why."""


class Finding(BaseModel):
    """What a check has found."""

    model_config = ConfigDict(frozen=True)

    check: str = ""
    """Name of the check."""
    result: Result
    fact: str
    remedy: str | None = None
    """What to do, a command if possible; `None` if nothing is to be done."""


Check: TypeAlias = Callable[[Site], Awaitable[Finding]]


def ok(fact: str) -> Finding:
    """Return that all is well."""
    return Finding(result=Result.OK, fact=fact)


def warning(fact: str, remedy: str) -> Finding:
    """Return that something works, but not as it should."""
    return Finding(result=Result.WARNING, fact=fact, remedy=remedy)


def failed(fact: str, remedy: str) -> Finding:
    """Return that something does not work."""
    return Finding(result=Result.FAILED, fact=fact, remedy=remedy)


def skipped(fact: str) -> Finding:
    """Return that the question could not be asked."""
    return Finding(result=Result.SKIPPED, fact=fact)


def refused(error: Exception) -> Finding:
    """Return that an error says: its message is what is wrong, a colon, and what to do."""
    fact, _, remedy = str(error).rpartition(": ")
    return failed(fact, remedy)
