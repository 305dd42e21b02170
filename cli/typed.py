"""Ids and names that were typed."""

from uuid import UUID

from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import shown
from orchestrator.domain.text import printable

LONGEST_ID = 1000
"""Bytes: the longest workflow id that Temporal accepts."""


def as_uuid(text: str) -> UUID:
    """Return the text as a UUID.

    Raises:
        InvalidInput: if it is not a UUID.
    """
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(
            f"'{shown(text)}' is not a UUID; give one like 9f4fa2f2-9a9e-5fe2-98b0-88ae4c8e9778"
        ) from None


def require_text(text: str | None) -> None:
    """Require that the text can be a process id or a name; `None` passes.

    Raises:
        InvalidInput: if it is empty, has control characters, is not Unicode, or is longer than Temporal
            accepts.
    """
    if text is None:
        return
    if not text:
        raise InvalidInput("An id or a name must not be empty; give at least one character")
    try:
        if len(printable(text).encode()) > LONGEST_ID:
            raise InvalidInput(f"'{shown(text)}' is too long: at most {LONGEST_ID} bytes")
    except ValueError as error:
        raise InvalidInput(f"'{shown(text)}' {error}") from None
